"""The command ``querygen``."""

from querygen.command import main

if __name__ == "__main__":
    main()
