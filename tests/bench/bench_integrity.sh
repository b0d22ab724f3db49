#!/bin/sh
# bench_integrity.sh: baseline and check on one tree, warm, in turns with the floor (bench_floor) and with its peers.
# Prints a line a figure, tab-separated: name, ours, reference's name, reference, ratio, goal, met|short. CPU time,
# medians. Of the floor the ratio is ours / floor, of a peer theirs / ours.
#
# TOCSIN_BENCH_TREES names the trees: FILES:MB of generated content, or usr:MB of a copy of /usr (10000:400 usr:400; on
# demand 77000:3700, 1000000:2000). TOCSIN_BENCH_ROUNDS (5). TOCSIN_BENCH_PEERS=no leaves the peers out, as does a tree
# of more than 100,000 files. TOCSIN_BIN holds tocsin, TOCSIN_HOST_BIN the floor.
#
# Peers that are not installed are fetched from Debian and unpacked beside the tree: nothing is installed, no key and no
# configuration is made outside of the scratch folder. One that cannot be had is named as left out.
set -eu

bin=${TOCSIN_BIN:?folder of the programs}
host=${TOCSIN_HOST_BIN:-$TOCSIN_BIN}
trees=${TOCSIN_BENCH_TREES:-10000:400 usr:400}
rounds=${TOCSIN_BENCH_ROUNDS:-5}
peers=${TOCSIN_BENCH_PEERS:-yes}
passphrase=bench-only

for tool in "$bin/tocsin" "$host/bench_floor" "$host/bench_tree" "$host/bench_sweep"; do
    [ -x "$tool" ] || { echo "bench_integrity.sh: $tool is not there" >&2; exit 77; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/tocsin-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
bench_tree=$host/bench_tree

left_out() {
    echo "left out: $1: $2" >&2
}

# ---- peers ----

# unpack NAME LIBRARIES...: PATH of the program in $program; from what is installed, else unpacked from Debian's package.
unpack() {
    name=$1
    program=$(command -v "$name" || true)
    [ -z "$program" ] || return 0
    mkdir -p "$work/peers/$name"
    (
        cd "$work/peers/$name"
        apt-get download "$@" >/dev/null 2>&1 || exit 1
        for package in *.deb; do dpkg -x "$package" . || exit 1; done
    ) || { left_out "$name" "the package cannot be fetched"; return 1; }
    program=$(find "$work/peers/$name/usr" -type f -name "$name" -perm /111 | head -n 1)
    libraries=$work/peers/$name/usr/lib/$(gcc -print-multiarch):$work/peers/$name/lib/$(gcc -print-multiarch)
    [ -n "$program" ] && ! LD_LIBRARY_PATH=$libraries ldd "$program" 2>&1 | grep -q 'not found' ||
        { left_out "$name" "a library is missing"; return 1; }
    # A wrapper of the same name, so that nothing else has to know where its libraries are.
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$program" >"$work/peers/$name.sh"
    chmod +x "$work/peers/$name.sh"
    program=$work/peers/$name.sh
}

aide_config() {
    cat >"$work/aide-$1.conf" <<END
database_in=file:$work/aide-$1.db
database_out=file:$work/aide-$1.db.new
gzip_dbout=no
report_url=file:$work/aide.report
$tree $2
END
    printf '%s -c %s --init && mv %s %s\n' "$program" "$work/aide-$1.conf" "$work/aide-$1.db.new" "$work/aide-$1.db" \
        >"$work/init.aide-$1"
    printf '%s -c %s --check\n' "$program" "$work/aide-$1.conf" >"$work/check.aide-$1"
}

make_aide() {
    unpack aide || return 0
    aide_config sha256 p+i+n+u+g+s+m+c+l+ftype+sha256
    aide_config default R
}

make_tripwire() {
    unpack tripwire || return 0
    t=$work/tripwire
    mkdir -p "$t"
    admin=$(find "$work/peers/tripwire" -name twadmin 2>/dev/null | head -n 1)
    admin=${admin:-$(command -v twadmin)}
    cat >"$t/cfg.txt" <<END
ROOT=$t
POLFILE=$t/tw.pol
DBFILE=$t/tw.twd
REPORTFILE=$t/report.twr
SITEKEYFILE=$t/site.key
LOCALKEYFILE=$t/local.key
EDITOR=/bin/true
MAILMETHOD=SENDMAIL
MAILPROGRAM=/bin/true
SYSLOGREPORTING=false
END
    printf '%s -> $(ReadOnly) ;\n' "$tree" >"$t/pol.txt"
    {
        [ -f "$t/site.key" ] || "$admin" -m G -S "$t/site.key" -Q $passphrase
        [ -f "$t/local.key" ] || "$admin" -m G -L "$t/local.key" -P $passphrase
        "$admin" -m F -c "$t/tw.cfg" -S "$t/site.key" -Q $passphrase "$t/cfg.txt"
        "$admin" -m P -c "$t/tw.cfg" -S "$t/site.key" -Q $passphrase "$t/pol.txt"
    } >"$work/out" 2>&1 || { left_out tripwire "its keys cannot be made"; return 0; }
    printf '%s -m i -c %s -p %s -S %s -L %s -P %s -d %s\n' "$program" "$t/tw.cfg" "$t/tw.pol" "$t/site.key" \
        "$t/local.key" $passphrase "$t/tw.twd" >"$work/init.tripwire"
    printf '%s -m c -c %s -d %s\n' "$program" "$t/tw.cfg" "$t/tw.twd" >"$work/check.tripwire"
}

# Samhain's paths are built in: it gets a mount namespace of its own, and no console.
make_samhain() {
    unpack samhain libauparse0 libprelude28 libltdl7 || return 0
    unshare -m true 2>/dev/null || { left_out samhain "no mount namespace"; return 0; }
    s=$work/samhain
    mkdir -p "$s/mnt"
    cat >"$s/samhainrc" <<END
[ReadOnly]
dir=99$tree
[EventSeverity]
SeverityReadOnly=crit
[Log]
PrintSeverity=none
LogSeverity=crit
MailSeverity=none
SyslogSeverity=none
ExportSeverity=none
[Misc]
Daemon=no
[PortCheck]
PortCheckActive=no
[ProcessCheck]
ProcessCheckActive=no
[SuidCheck]
SuidCheckActive=no
[Utmp]
LoginCheckActive=no
[EOF]
END
    cat >"$s/in.sh" <<END
set -e
mount --make-rprivate /
mount -t tmpfs none "$s/mnt"
for d in etc var/lib var/log; do
    mkdir -p "$s/mnt/up/\$d" "$s/mnt/index/\$d"
    mount -t overlay overlay -o "lowerdir=/\$d,upperdir=$s/mnt/up/\$d,workdir=$s/mnt/index/\$d" "/\$d"
done
mkdir -p /etc/samhain /var/lib/samhain /var/log/samhain
cp "$s/samhainrc" /etc/samhain/samhainrc
[ ! -f "$s/file" ] || cp "$s/file" /var/lib/samhain/samhain_file
mount --bind /dev/null /dev/console
mount -t tmpfs none /run
mkdir -p /run/samhain
"$program" -t "\$1"
[ "\$1" = check ] || cp /var/lib/samhain/samhain_file "$s/file"
END
    printf 'rm -f %s && unshare -m sh %s init && test -s %s\n' "$s/file" "$s/in.sh" "$s/file" >"$work/init.samhain"
    printf 'unshare -m sh %s check\n' "$s/in.sh" >"$work/check.samhain"
}

make_integrit() {
    unpack integrit || return 0
    i=$work/integrit
    mkdir -p "$i"
    printf 'root=%s\nknown=%s\ncurrent=%s\n' "$tree" "$i/known.cdb" "$i/current.cdb" >"$i/conf"
    printf '%s -C %s -u && mv %s %s\n' "$program" "$i/conf" "$i/current.cdb" "$i/known.cdb" >"$work/init.integrit"
    printf '%s -C %s -c\n' "$program" "$i/conf" >"$work/check.integrit"
}

make_sums() {
    printf 'find %s -type f -print0 | xargs -0 sha256sum\n' "$tree" >"$work/check.sha256sum"
    unpack b3sum || return 0
    printf 'find %s -type f -print0 | xargs -0 %s --num-threads 1\n' "$tree" "$program" >"$work/check.b3sum"
}

# ---- trees ----

copy_of_usr() {
    mkdir "$tree"
    find /usr -xdev -type f -printf '%s %p\n' 2>/dev/null |
        awk -v most=$(($1 * 1000000)) '{ sum += $1; if (sum > most) exit; sub(/^[0-9]+ \//, ""); print }' >"$work/list"
    (cd / && tr '\n' '\0' <"$work/list" | xargs -0 cp -a --parents -t "$tree")
}

make_tree() {
    case $1 in
    usr:*) copy_of_usr "${1#usr:}" ;;
    *) "$bench_tree" make "$tree" "${1%:*}" "${1#*:}000000" ;;
    esac
    files=$(find "$tree" -type f | wc -l)
    echo "$1: $files files, $(du -sm "$tree" | cut -f1) MB, $rounds rounds" >&2
    printf 'Host bench\nWatch %s\n' "$tree" >"$work/tocsin.conf"
}

# ---- measuring ----

# What nobody reads leaves the page cache of a machine that reclaims memory; our own readers do not bring it back.
warm() {
    "$host/bench_floor" full 1 "$tree" >/dev/null
}

# timed NAME COMMAND...: a line "wall cpu rss" more in NAME's times. Exit 1 to 7 of a check is findings, not failure.
timed() {
    name=$1
    shift
    [ "$name" = pages ] || warm
    "$bench_tree" run "$@" >"$work/one"
    read -r wall cpu rss status <"$work/one"
    case $name:$status in
    *:0 | check*:[1-7]) echo "$wall $cpu $rss" >>"$work/times.$name" ;;
    *) left_out "$name" "exit status $status" && rm -f "$work/$name" "$work/check.${name#*.}" ;;
    esac
}

ours() {
    name=$1
    shift
    timed "$name" "$bin/tocsin" --config "$work/tocsin.conf" --state "$work/state" "$@"
}

round() {
    timed floor "$host/bench_floor" full 1 "$tree"
    timed floor2 "$host/bench_floor" full 2 "$tree"
    ours build baseline build --force --jobs 1
    ours check1 baseline diff --jobs 1
    ours check2 baseline diff --jobs 2
    timed stat "$host/bench_floor" stat 1 "$tree"
    warm
    "$host/bench_sweep" "$work/tocsin.conf" "$work/state" >>"$work/times.sweep"
    for script in "$work"/init.* "$work"/check.*; do
        [ ! -f "$script" ] || timed "$(basename "$script")" sh "$script"
    done
}

# figure NAME COLUMN: the median
figure() {
    sort -n -k "$2,$2" "$work/times.$1" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}

# row NAME OURS UNIT REFERENCE'S-NAME REFERENCE RATIO LIMIT(<= or >=) GOAL OF(ratio or ours)
row() {
    awk -v name="$1" -v ours="$2" -v unit="$3" -v with="$4" -v ref="$5" -v way="$6" -v limit="$7" -v goal="$8" -v of="$9" '
        BEGIN {
            up = ours > 0 ? ours : 0.001
            low = ref > 0 ? ref : 0.001
            ratio = way == "ours/ref" ? up / low : low / up
            value = of == "ratio" ? ratio : ours
            met = limit == "<=" ? value + 0 <= goal + 0 : value + 0 >= goal + 0
            printf "%s\t%s %s\t%s\t%s %s\t%.2f\t%s %s %s\t%s\n", name, ours, unit, with, ref, unit, ratio, limit, goal,
                of == "ratio" ? "x" : unit, met ? "met" : "short"
        }'
}

# Half of the tree is in the page cache; a check must leave it so.
show_pages() {
    sync
    "$bench_tree" drop "$tree"
    find "$tree" -type f | awk 'NR % 2' | tr '\n' '\0' | xargs -0 cat >/dev/null
    before=$("$bench_tree" cached "$tree")
    ours pages baseline diff --jobs 2
    after=$("$bench_tree" cached "$tree")
    row "$label.pages-left" $((after - before)) pages "cached before" "$before" ours/ref "<=" 0 ours
}

show_peers() {
    for what in init check; do
        for script in "$work"/times.$what.*; do
            [ -f "$script" ] || continue
            peer=${script##*/times."$what".}
            own=$([ $what = init ] && echo build || echo check1)
            two=$([ $what = init ] && echo build || echo check2)
            row "$label.$what.cpu" "$(figure "$own" 2)" ms "$peer" "$(figure "$what.$peer" 2)" ref/ours ">=" 1 ratio
            row "$label.$what.wall" "$(figure "$two" 1)" ms "$peer" "$(figure "$what.$peer" 1)" ref/ours ">=" 1 ratio
            row "$label.$what.rss" "$(figure "$own" 3)" KiB "$peer" "$(figure "$what.$peer" 3)" ref/ours "<=" "$most" ours
        done
    done
}

show() {
    entries=$(find "$tree" | wc -l)
    most=$([ "$entries" -le 110000 ] && echo 6144 || echo 12288)
    row "$label.build.cpu" "$(figure build 2)" ms floor "$(figure floor 2)" ours/ref "<=" 1.3 ratio
    row "$label.check.cpu" "$(figure check1 2)" ms floor "$(figure floor 2)" ours/ref "<=" 1.25 ratio
    row "$label.check.wall-2" "$(figure check2 1)" ms floor "$(figure floor 1)" ours/ref "<=" 0.75 ratio
    # What a second core of this machine is worth: no check with two threads can come below it.
    row "$label.floor.wall-2" "$(figure floor2 1)" ms floor "$(figure floor 1)" ours/ref "<=" 0.75 ratio
    row "$label.check.rss" "$(figure check1 3)" KiB floor "$(figure floor 3)" ours/ref "<=" "$most" ours
    row "$label.check2.rss" "$(figure check2 3)" KiB floor "$(figure floor 3)" ours/ref "<=" "$most" ours
    row "$label.sweep" "$(figure sweep 1)" us/entry "floor stat" \
        "$(awk -v ms="$(figure stat 2)" -v n="$entries" 'BEGIN { printf "%.2f", ms * 1000 / n }')" ours/ref "<=" 3.5 ours
    row "$label.check.each" "$(awk -v ms="$(figure check1 2)" -v n="$files" 'BEGIN { printf "%.1f", ms * 1000 / n }')" \
        us/file floor "$(awk -v ms="$(figure floor 2)" -v n="$files" 'BEGIN { printf "%.1f", ms * 1000 / n }')" \
        ours/ref "<=" 1.25 ratio
    row "$label.entry" "$(awk -v b="$(stat -c %s "$work/state/baseline")" -v n="$entries" 'BEGIN { printf "%.1f", b / n }')" \
        B "its path" "$(find "$tree" | awk '{ n += length($0) } END { printf "%.1f", n / NR }')" ours/ref "<=" 72 ours
}

for label in $trees; do
    tree=$work/tree
    rm -rf "$tree" "$work/state" "$work"/times.* "$work"/init.* "$work"/check.*
    mkdir "$work/state"
    make_tree "$label"
    if [ "$peers" = yes ] && [ "$files" -le 100000 ]; then
        make_aide
        make_tripwire
        make_samhain
        make_integrit
        make_sums
    fi
    turn=0
    while [ "$turn" -lt "$rounds" ]; do
        round
        turn=$((turn + 1))
    done
    show
    show_peers
    show_pages
done
