#!/bin/sh
# Print a `.env` with fresh secrets for Docker Compose. On one host:
#   (umask 077; set -C; scripts/compose_env.sh > .env)
# For production, with the name under which clients reach it:
#   (umask 077; set -C; scripts/compose_env.sh whatsapp.example.org > .env)
# `set -C` leaves a file that exists as it is. Keep a copy of the file: without SESSION_ENCRYPTION_KEYS nobody can read the saved logins.
set -eu

# 48 letters and digits, about 280 bits.
secret() {
    head -c 512 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c 48
}

echo "JWT_SECRET=$(secret)"
echo "SESSION_ENCRYPTION_KEYS=first:$(head -c 32 /dev/urandom | base64)"
echo "MONGO_PASSWORD=$(secret)"
echo "REDIS_PASSWORD=$(secret)"
if [ $# -gt 0 ]; then
    echo "MONGO_KEY=$(secret)"
    echo "DOMAIN=$1"
    echo "COMPOSE_FILE=docker-compose.yml:docker-compose.production.yml"
fi
