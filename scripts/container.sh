#!/bin/sh
# Run a program in a container. One that ends with 78 has a setting that cannot work: starting it again
# cannot help, and Docker would do so for ever. So this stays then, until the container is stopped.
set -u

# A signal may come before the program has been started, and the program may outlive several.
asked=
trap 'asked=yes; kill -TERM "$child" 2>/dev/null' TERM INT

child=
"$@" &
child=$!
[ -z "$asked" ] || kill -TERM "$child" 2>/dev/null
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
if [ "$code" -ne 78 ] || [ -n "$asked" ]; then
    exit "$code"
fi
echo "A setting cannot work (see above): correct it, then start this container again. It waits." >&2
# A signal to a child that has not begun yet may be lost, so none has to end the wait.
child=
while [ -z "$asked" ]; do
    sleep 1 &
    wait $!
done
exit 78
