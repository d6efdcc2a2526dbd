"""The field's real bugs, each as one change to our own code that the tests must notice.

    python -m minis2s.museum                run all, write the table
    python -m minis2s.museum NAME ...       run some

exhibit.py says what an exhibit is, catalogue.py gathers them, run.py and worker.py
run the tests against them. Themes have a file each.
"""
