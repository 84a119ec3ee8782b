#!/bin/sh
# Makes an authority and one certificate for each NATS server, in FOLDER:
#   sh certificates.sh FOLDER NAME[,OTHER-NAME-OR-ADDRESS...]...
# The first name is the server's host name. Keep authority.key away from the servers. An authority that is
# there already is used again, so that the same line renews the certificates.
set -eu
umask 077

folder=$1
shift
mkdir -p "$folder"
cd "$folder"

if [ ! -f authority.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj "/CN=Hansa authority" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout authority.key -out authority.pem 2>/dev/null
fi

for names in "$@"; do
  host=${names%%,*}
  alternatives=""
  for name in $(printf '%s' "$names" | tr ',' ' '); do
    case $name in
      *[!0-9.]*) alternatives="$alternatives,DNS:$name" ;;
      *) alternatives="$alternatives,IP:$name" ;;
    esac
  done
  mkdir -p "$host"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$host" \
    -keyout "$host/server.key" -out "$host/request.pem" 2>/dev/null
  # Both uses: towards parties it is the server, towards the other servers either side.
  printf '%s\n' "subjectAltName=${alternatives#,}" "extendedKeyUsage=serverAuth,clientAuth" \
    "keyUsage=critical,digitalSignature" "basicConstraints=critical,CA:FALSE" \
    "authorityKeyIdentifier=keyid" >"$host/extensions"
  openssl x509 -req -in "$host/request.pem" -CA authority.pem -CAkey authority.key -CAcreateserial \
    -days 365 -extfile "$host/extensions" -out "$host/server.pem" 2>/dev/null
  cp authority.pem "$host/authority.pem"
  chmod 644 "$host/server.pem" "$host/authority.pem"
  rm "$host/request.pem" "$host/extensions"
done
chmod 644 authority.pem
