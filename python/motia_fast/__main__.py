"""``python -m motia_fast`` is the command ``motia-fast``."""

from motia_fast.cli import main

if __name__ == "__main__":
    main()
