# Faults of the metadata service at the certificate request: exit code, a message with the cause, in time, nothing changed.
# limit: 300 time: 130
# shellcheck source=tests/lab/guest/faults.sh
. /src/tests/lab/guest/faults.sh
faults_begin
faults certificates <<'EOF'
silent        3    no complete answer|time
drip          3    no complete answer|time
closes        3    [Ee]mpty reply|closed
cutoff        3    closed|transfer|partial
truncated     3    JSON
400           3    400.*invalid_request
401           3    401.*unauthenticated
403           3    403.*enable
404           3    404
429           3    429
500           3    500.*service_error
500plain      3    500
html          3    JSON
wrongtypes    3    list of certificates|not text
emptyjson     3    list of certificates
nulljson      3    list of certificates|JSON
deepjson      3    JSON
huge          3    large
hugechunked   3    large
hugeheader    3    header
redirect      3    302.*redirect
echotoken     3    400
controlchars  3    400
emptylist     3    0 certificates
one           3    1 certificate
swapped       3    wrong order
twice         3    not a CA|intermediate
wrongelements 3    not text
otherkey      3    another key
othersigner   3    not signed
forged        3    not signed
expired       3    expired.*clock
future        3    not yet valid.*clock|not valid yet.*clock
garbage       3    leaf.*not a PEM
garbageint    3    intermediate.*not a PEM
notpem        3    not a PEM
EOF
