#!/usr/bin/env bash
# enter.sh COMMAND... : becomes COMMAND in the folder of the release that is current now, with the
# settings of ENV_FILE as they are now. What the link names later, this process never sees.
set -euo pipefail

release=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$release"
if [[ ${ENV_FILE:-} ]]; then
  # shellcheck source=app/host/environment.sh
  source "$release/app/host/environment.sh"
  load_environment "$ENV_FILE"
fi
export PATH="$release/.venv/bin:$PATH"
exec "$@"
