"""`python -m ablations.tracking`: the mirror as a process of its own."""

from ablations.tracking.process import main

if __name__ == "__main__":
    main()
