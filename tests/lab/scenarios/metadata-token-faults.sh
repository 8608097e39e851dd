# Faults of the metadata service at the token request: exit code, a message with the cause, in time, nothing changed.
# limit: 300 time: 130
# shellcheck source=tests/lab/guest/faults.sh
. /src/tests/lab/guest/faults.sh
faults_begin
faults token <<'EOF'
silent        1    no complete answer|time
drip          1    no complete answer|time
closes        1    [Ee]mpty reply|closed
cutoff        [12] closed|transfer|partial
truncated     2    JSON
400           2    400.*invalid_request
401           2    401.*unauthenticated
403           2    403.*enable
404           2    404
429           2    429
500           2    500.*service_error
503           2    503
500plain      2    500
html          2    JSON
wrongtypes    2    access_token
emptyjson     2    access_token
nulljson      2    access_token|JSON
deepjson      2    JSON
huge          2    large
hugechunked   2    large
hugeheader    2    header
redirect      2    302.*redirect
echotoken     2    400
controlchars  2    400
emptytoken    2    access_token
longtoken     2    token.*long|large
crlftoken     2    access_token
nultoken      2    token
EOF

# Nobody there: the port is closed, and packets to it vanish.
at_end sharehost imds --http "$IMDS_ADDRESS:80"
at_end sharehost back "$IMDS_ADDRESS"
sharehost imds-stop
faulty "closed port" 1 "cannot be reached|refused"
sharehost down "$IMDS_ADDRESS"
faulty "no such host" 1 "cannot be reached|time|route"
sharehost back "$IMDS_ADDRESS"
sharehost imds --http "$IMDS_ADDRESS:80"
works_again "closed port"
