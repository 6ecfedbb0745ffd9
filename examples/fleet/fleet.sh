#!/usr/bin/env bash
# Three replicas of `fleet` on one PostgreSQL, stopped, killed and frozen in turn; the last lines tell who ran what. The PostgreSQL is
# the one at DATABASE_URL, or one of its own (Debian: `postgresql`). ROUNDS=5 makes it longer.
set -euo pipefail
cd "$(dirname "$0")"
cargo build --quiet --bins
exec cargo run --quiet --bin fleet-drive
