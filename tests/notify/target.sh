#!/bin/sh
# Runs a real collector (or mail server, which runs by itself) of Debian's packages in the foreground: target.sh KIND DIRECTORY PORT. What it takes goes to
# DIRECTORY/heard, one line a message with its structured data first. Before that, `target.sh ready KIND DIRECTORY` unpacks
# what KIND needs (77 when it cannot be had) and makes certificates.
set -eu
: "${TOCSIN_SRC:?}"
. "$TOCSIN_SRC/tests/support/peers.sh"

unpack() {
    case $1 in
        rsyslog-*) peer rsyslog rsyslog rsyslog-gnutls rsyslog-openssl ;;
        syslog-ng-*) peer syslog-ng syslog-ng-core ;;
        dma) [ "$(id -u)" = 0 ] && unshare -m true && peer dma dma ;;
    esac
}

certificate() { # NAME SUBJECT EXTENSION [DAYS]
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    printf '%s\n' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "${4:-30}" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca 2>/dev/null
    certificate server /CN=collector.example subjectAltName=DNS:collector.example,IP:127.0.0.1
    certificate expired /CN=collector.example subjectAltName=DNS:collector.example,IP:127.0.0.1 -1
    certificate belfry /CN=belfry.example subjectAltName=DNS:belfry.example
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -days 30 -subj /CN=other 2>/dev/null
}

# A mail server with its spool and its mailboxes in this directory, and without a machine around it: DIRECTORY/sendmail. It is
# away while DIRECTORY/down is there.
mailer() {
    mkdir -p spool mail etc/dma
    : >etc/dma/dma.conf
    chown root:mail spool mail
    chmod 2775 spool mail
    ln -s mail/root heard
    cat >inside <<SH
set -e
mount -t overlay none -o lowerdir=$peers/dma/usr/lib:/usr/lib /usr/lib
mount -t overlay none -o lowerdir=$PWD/etc:/etc /etc
mount -t tmpfs none /var/spool
mkdir /var/spool/dma
mount --bind $PWD/spool /var/spool/dma
mount --bind $PWD/mail /var/mail
exec $peers/dma/usr/sbin/dma "\$@"
SH
    printf '#!/bin/sh\n[ -e %s/down ] && exit 75\nexec unshare -m sh %s/inside "$@"\n' "$PWD" "$PWD" >sendmail
    chmod 700 sendmail
}

if [ "$1" = ready ]; then
    command -v openssl >/dev/null || exit 77
    unpack "$2" >/dev/null 2>&1 || exit 77
    cd "$3"
    case $2 in
        dma) mailer ;;
        *) certificates ;;
    esac
    exit 0
fi

kind=$1
dir=$2
port=$3
cd "$dir"

rsyslog() { # SETTINGS OF THE INPUT
    cat >rsyslog.conf <<CONF
global(workDirectory="$dir" defaultNetstreamDriverCAFile="$dir/ca.pem" defaultNetstreamDriverCertFile="$dir/server.pem"
    defaultNetstreamDriverKeyFile="$dir/server.key")
$1
template(name="heard" type="string" string="%structured-data%%msg%\n")
action(type="omfile" file="$dir/heard" template="heard")
CONF
    library=$(find "$peers/rsyslog" -name imtcp.so -printf '%h\n')
    peer_run rsyslog usr/sbin/rsyslogd -n -f "$dir/rsyslog.conf" -i "$dir/rsyslog.pid" -M "$library"
}

syslog_ng() {
    cat >syslog-ng.conf <<CONF
@version: 3.38
options { keep-hostname(yes); };
source s { syslog(ip("127.0.0.1") port($port) transport("tls")
    tls(key-file("$dir/server.key") cert-file("$dir/server.pem") ca-file("$dir/ca.pem") peer-verify(required-trusted))); };
destination d { file("$dir/heard" template("[\${.SDATA.tocsin@32473.seq} seq=\"\${.SDATA.tocsin@32473.seq}\" \$MSG\n")); };
log { source(s); destination(d); };
CONF
    modules=$(find "$peers/syslog-ng" -name libaffile.so -printf '%h\n')
    peer_run syslog-ng usr/sbin/syslog-ng -F --no-caps -f "$dir/syslog-ng.conf" -R "$dir/ng.persist" -c "$dir/ng.ctl" \
        -p "$dir/ng.pid" "--module-path=$modules"
}

tls() {
    echo "module(load=\"imtcp\" StreamDriver.Name=\"$1\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"x509/name\"
    PermittedPeer=[\"belfry.example\"]) input(type=\"imtcp\" port=\"$port\" address=\"127.0.0.1\")"
}

# It ends with its standard input, so that is a pipe that nobody writes to.
openssl_server() {
    [ -p never ] || mkfifo never
    exec openssl s_server -quiet -accept "127.0.0.1:$port" -cert server.pem -key server.key -CAfile ca.pem -Verify 1 \
        -verify_return_error <>never >>heard
}

case $kind in
    rsyslog-gtls) rsyslog "$(tls gtls)" ;;
    rsyslog-ossl) rsyslog "$(tls ossl)" ;;
    rsyslog-tcp) rsyslog "module(load=\"imtcp\") input(type=\"imtcp\" port=\"$port\" address=\"127.0.0.1\")" ;;
    rsyslog-udp) rsyslog "module(load=\"imudp\") input(type=\"imudp\" port=\"$port\" address=\"127.0.0.1\")" ;;
    syslog-ng-tls) syslog_ng ;;
    openssl) openssl_server ;;
    *) echo "target.sh: no such kind: $kind" >&2; exit 2 ;;
esac
