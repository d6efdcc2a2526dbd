"""The field's real bugs, each as one change to our own code that the tests must notice.

    python -m minis2s.museum                run all, write the table
    python -m minis2s.museum NAME ...       run some

exhibit.py says what an exhibit is, catalogue.py gathers them from the files of their
themes, equivalent.py has changes that look like bugs and are none, run.py and worker.py
run the tests against them, and table.py writes README.md.
"""
