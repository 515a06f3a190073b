#!/usr/bin/env bash
# Mica through arrow-flight's own command line client. Arguments: the client, HOST and PORT of a server
# of examples/c360, and USER and PASSWORD if it wants a login. Fails at once; prints "ok" at the end.
# shellcheck disable=SC2016 # $1 is a parameter's name.
set -euo pipefail
export RUST_BACKTRACE=0

client=$1 host=$2 port=$3
login=()
[ $# -eq 3 ] || login=(--username "$4" --password "$5")

run() { "$client" --host "$host" --port "$port" "${login[@]}" "$@"; }

fail() { printf '%s\n' "$@" >&2 && exit 1; }

# rows EXPECTED ARGUMENT..: the header and the rows of a table, cells between bars, blanks trimmed.
rows() {
    local expected=$1 table found
    shift
    table=$(run "$@") || fail "failed: $*"
    found=$(sed -n 's/^|\(.*\)|$/\1/p' <<<"$table" | sed 's/ *| */|/g; s/^ *//; s/ *$//')
    [ "$found" = "$expected" ] || fail "$*" "expected:" "$expected" "got:" "$found"
}

# refused EXPECTED ARGUMENT..: it exits with 1, and says so.
refused() {
    local expected=$1 status=0 said
    shift
    said=$(run "$@" 2>&1) || status=$?
    [ "$status" = 1 ] || fail "exit status $status, expected 1: $*" "$said"
    [[ $said == *"$expected"* ]] || fail "$*" "expected: $expected" "got: $said"
}

rows $'catalog_name\nmica' catalogs

schemas='catalog_name|db_schema_name'
default=$schemas$'\nmica|default'
rows "$default"$'\nmica|information_schema' db-schemas mica
rows "$default" db-schemas mica --db-schema-filter 'def%'
rows "$default" db-schemas mica -d 'd_fault'
rows "$schemas" db-schemas mica -d 'fault'
rows "$schemas" db-schemas other
rows "$schemas" db-schemas '' # those without a catalog

tables='catalog_name|db_schema_name|table_name|table_type'
raw='mica|default|customers_raw|TABLE'
view='mica|default|customer_analytics_c360|VIEW'
rows "$tables"$'\n'"$view"$'\n'"$raw" tables mica -d default -t 'customer%'
rows "$tables"$'\n'"$raw" tables mica --db-schema-filter 'def%' --table-filter 'customer%' --table-types TABLE
rows "$tables"$'\n'"$view" tables mica -t 'customer%' --table-types VIEW
rows "$tables"$'\n'"$view"$'\n'"$raw" tables mica -t 'customer%' --table-types TABLE --table-types VIEW
rows "$tables"$'\n'"$raw" tables mica -t 'customers_raw'
rows "$tables" tables mica --table-types 'SYSTEM TABLE'
rows "$tables" tables mica -d 'other'
rows "$tables" tables other
[ "$(run tables mica | grep -c '| mica ')" -gt 14 ] || fail "tables are missing"
rows $'table_type\nTABLE\nVIEW' table-types

query="SELECT last_name, total_spent FROM customer_analytics_c360 WHERE customer_id ="
rows $'last_name|total_spent\nAnderson|1019.98' statement-query "$query 'CUST009'"
rows $'b|i|d|c|s|n|dt|ts|tm|bin\ntrue|-7|2.5|1.50|héllo||2024-02-29|2024-02-29T12:34:56.789|12:34:56|00ff' \
    statement-query "SELECT true b, -7 i, 2.5e0 d, CAST(1.5 AS DECIMAL(9, 2)) c, 'héllo' s, NULL n,
        DATE '2024-02-29' dt, TIMESTAMP '2024-02-29 12:34:56.789' ts, TIME '12:34:56' tm, X'00ff' bin"
rows 'a|b' statement-query "SELECT 1 AS a, 'x' AS b WHERE 1 = 0"
rows $'n|s\n100000|4999950000' statement-query "SELECT count(*) n, sum(value) s FROM range(100000)"
[ "$(run statement-query 'SELECT value FROM range(50000)' | wc -l)" = 50004 ] || fail "rows are missing"
refused "syntax error at line 1, column 1" statement-query "SELEC 1"
refused "requested entity was not found" statement-query "SELECT * FROM missing"
refused "zero" statement-query "SELECT 1 / 0"
refused "one statement" statement-query "SELECT 1; SELECT 2"
refused "no statement" statement-query ""

# A change is made once, and has neither columns nor rows.
rows '' statement-query "CREATE VIEW cli_view AS SELECT 1 AS one"
refused "already exists" statement-query "CREATE VIEW cli_view AS SELECT 2 AS one"
rows $'one\n1' prepared-statement-query "SELECT one FROM cli_view"
rows '' prepared-statement-query "DROP VIEW cli_view"
refused "cli_view" statement-query "SELECT one FROM cli_view"

# Parameters have names, but it sends them in the order in which they are given: that of the numbers.
prepared() { local expected=$1; shift; rows "$expected" prepared-statement-query "$@"; }
prepared $'last_name|total_spent\nAnderson|1019.98' "$query "'$1' -p '$1=CUST009'
prepared $'n|s\n42|a=b' 'SELECT $1 + 1 AS n, $2 AS s' -p '$1=41' -p '$2=a=b'
prepared $'n|s\n42|' 'SELECT ? + 1 AS n, ? AS s' -p '$1=41' -p '$2='
prepared $'b|i|d|c|dt|ts\ntrue|-7|2.5|12.34|2024-02-29|2024-02-29T12:34:56.789' \
    'SELECT CAST($1 AS BOOLEAN) b, CAST($2 AS INT) i, CAST($3 AS DOUBLE) d, CAST($4 AS DECIMAL(9, 2)) c,
        CAST($5 AS DATE) dt, CAST($6 AS TIMESTAMP) ts' \
    -p '$1=true' -p '$2=-7' -p '$3=2.5' -p '$4=12.34' -p '$5=2024-02-29' -p '$6=2024-02-29 12:34:56.789'
prepared $'n\n1' 'SELECT count(*) n FROM customer_analytics_c360 WHERE total_spent > $1 AND loyalty_tier = $2' \
    -p '$1=1000' -p '$2=Platinum'
# The client makes NULL of what is not of the parameter's type.
prepared $'n|s\n|7' 'SELECT $1 + 1 AS n, 7 AS s' -p '$1=abc'
refused 'Unable to get field named "$2"' prepared-statement-query 'SELECT $1 + 1' -p '$2=1'
refused "parameter" prepared-statement-query 'SELECT $1 + 1, $2' -p '$1=1'
refused '$1' prepared-statement-query 'SELECT $1 + 1'
refused "missing" prepared-statement-query 'SELECT $1 FROM missing' -p '$1=1'

rows $'a\n3.5' -H dialect=spark --header unknown=ignored statement-query "SELECT 7 / 2 AS a"
rows $'a\n1' --accept-compression gzip,deflate,zstd -vv statement-query "SELECT 1 AS a"
# A server that cannot read a compression has to say so.
for compression in gzip deflate zstd; do
    said=$(run --send-compression "$compression" catalogs 2>&1) || [[ $said == *"isn't supported"* ]] || fail "$said"
    [[ $said == *"isn't supported"* || $said == *"| mica "* ]] || fail "$said"
done
SSLKEYLOGFILE=/dev/null refused "connect to endpoint" --tls --key-log catalogs

stranger=(--username mallory --password wrong)
if [ ${#login[@]} -gt 0 ]; then
    login=()
    refused "a password" catalogs
    refused "a password" prepared-statement-query "SELECT 1"
    refused "does not have valid authentication" --token unknown catalogs
    refused "wrong user or password" "${stranger[@]}" catalogs
else # A server that is open to anybody listens to no claim.
    rows $'catalog_name\nmica' --token unknown catalogs
    rows $'a\n1' "${stranger[@]}" statement-query "SELECT 1 AS a"
fi
echo ok
