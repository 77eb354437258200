#!/bin/sh
# Goes on with a run that was stopped; starts a new one otherwise. Ends with the exit code of csms-rekey.
# Needs CSMS_REKEY_MANIFEST (a file) and takes CSMS_REKEY_STATE (a folder). Every other option of csms-rekey has an
# environment variable of its own, as CSMS_REKEY_RATE=10/s.
set -eu
manifest=${CSMS_REKEY_MANIFEST:?names the manifest}
state=${CSMS_REKEY_STATE:-/var/lib/csms-rekey}
# Meant for this script alone.
unset CSMS_REKEY_MANIFEST CSMS_REKEY_STATE
current=$state/current

# Runs csms-rekey and passes a signal on to it, once, so that the shell may be process 1.
call() {
    csms-rekey "$@" &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null || true' TERM INT HUP
    code=0
    wait "$child" || code=$?
    # A signal ends the first wait, not the child.
    while kill -0 "$child" 2>/dev/null; do
        code=0
        wait "$child" || code=$?
    done
    trap - TERM INT HUP
}

if [ -d "$current/" ]; then
    call resume "$(readlink -f "$current")"
    case $code in
        0 | 1) rm -f "$current" ;;
    esac
    [ "$code" -eq 0 ] || exit "$code"
fi

mkdir -p "$state/runs"
run=$state/runs/$(date -u +%Y%m%dT%H%M%SZ)-$$
ln -sfn "$run" "$current"
call run "$manifest" --run-dir "$run"
case $code in
    0 | 1) rm -f "$current" ;;
esac
exit "$code"
