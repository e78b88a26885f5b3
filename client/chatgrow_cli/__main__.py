"""Start the command line, or say what has to be installed for it."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and end with its exit code."""
    try:
        _run()
    except KeyboardInterrupt:  # while the modules are being loaded
        sys.exit(_INTERRUPTED)


def _run() -> None:
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError:
        sys.exit('chatgrow: needs typer and rich: pip install "chatgrow-client[cli]"')
    from chatgrow_cli.app import app

    app(prog_name="chatgrow")


if __name__ == "__main__":
    main()
