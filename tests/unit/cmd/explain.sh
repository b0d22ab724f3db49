#!/bin/sh
# Each code that tocsin explain knows as the agent's stands in tocsin(8), and the commands in main stand there too.
set -u
man=$TOCSIN_SRC/host-agent/man/tocsin.8
bad=0
for code in $("$TOCSIN_BIN/tocsin" explain all | grep -E '^[a-z]+\.[a-z_]+' | cut -d ' ' -f 1); do
    case $code in
    belfry.* | line.* | test.* | *.ok | *.up | *.back) continue ;;
    esac
    grep -qE "^\.It (.* )?$code( |\$)" "$man" || { echo "tocsin(8) does not name $code"; bad=1; }
done
for command in $("$TOCSIN_BIN/tocsin" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -qE "^\.It Cm $command( |\$)" "$man" || { echo "tocsin(8) does not name the command $command"; bad=1; }
done
"$TOCSIN_BIN/tocsin" explain mount.rw | grep -q '^guard ' || bad=1
"$TOCSIN_BIN/tocsin" explain no.such >/dev/null 2>&1
[ $? -eq 2 ] || { echo "an unknown code is no error"; bad=1; }
exit $bad
