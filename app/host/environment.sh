# shellcheck shell=bash
# Settings from a file of NAME=value lines, taken as they stand: nothing in them is ever run.

load_environment() { # FILE : exports each setting; one pair of quotes around a value is dropped
  local line name value
  [[ -r $1 ]] || { printf '%s cannot be read; as root: ./setup.sh production writes it\n' "$1" >&2; return 1; }
  while IFS= read -r line || [[ $line ]]; do
    [[ $line =~ ^[A-Z][A-Z0-9_]*= ]] || continue
    name=${line%%=*} value=${line#*=}
    if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    export "$name=$value"
  done <"$1"
}
