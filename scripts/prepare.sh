# Sourced by the other scripts: goes to the checkout's root and installs the packages that are missing. Those that check set
# `more_packages` before it: who only builds and tests need not have clang.

say() { printf '\n==> %s\n' "$*"; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is no Debian: see that what scripts/packages.txt lists is installed"
    return
  fi
  local package missing=()
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done < <(cat scripts/packages.txt ${more_packages:-})
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing, and installing them takes root: ${missing[*]}" >&2
      echo "As root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

install_packages
