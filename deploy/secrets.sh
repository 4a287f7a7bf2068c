#!/bin/sh
# Makes the secrets of a new installation, once: sh deploy/secrets.sh portal.example.com
# Nothing is overwritten, and no password has a default.
set -eu
umask 077

host=${1:?the name people will type, such as portal.example.com}
folder=$(dirname "$0")/secrets
if [ -e "$folder/portal.env" ]; then
    echo "$folder/portal.env exists; nothing was changed." >&2
    exit 1
fi
mkdir -p "$folder/tls"

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
hashed() { printf '%s' "$1" | sha256sum | cut -d' ' -f1; }

secret_key=$(random 48)
database=$(random 24)
redis_portal=$(random 24)
redis_worker=$(random 24)

sed -e "s|^PORTAL_SECRET_KEY=.*|PORTAL_SECRET_KEY=$secret_key|" \
    -e "s|portal\.example\.com|$host|g" \
    -e "s|^DATABASE_URL=.*|DATABASE_URL=postgres://portal:$database@postgres:5432/portal|" \
    -e "s|^REDIS_URL=.*|REDIS_URL=redis://portal:$redis_portal@redis:6379/0|" \
    "$(dirname "$0")/portal.env.example" > "$folder/portal.env"

sed -e "s|^REDIS_URL=.*|REDIS_URL=redis://worker:$redis_worker@redis:6379/0|" \
    "$(dirname "$0")/worker.env.example" > "$folder/worker.env"

cat > "$folder/postgres.env" <<EOF
POSTGRES_USER=portal
POSTGRES_DB=portal
POSTGRES_PASSWORD=$database
EOF

sed -e "s|PORTAL_SHA256|$(hashed "$redis_portal")|" -e "s|WORKER_SHA256|$(hashed "$redis_worker")|" \
    "$(dirname "$0")/users.acl.example" > "$folder/users.acl"
# Read by the server's own user inside its container; it holds hashes only.
chmod 644 "$folder/users.acl"

echo "Made $folder. Put the certificate into $folder/tls as portal.crt and portal.key."
