"""Start the command line, or say what has to be installed for it."""

import sys


def main() -> None:
    """Run the command line and end with its exit code."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError:
        sys.exit('chatgrow: needs typer and rich: pip install "chatgrow-client[cli]"')
    from chatgrow_cli.app import app

    app(prog_name="chatgrow")


if __name__ == "__main__":
    main()
