# Sourced by scripts/test and scripts/demo: goes to the checkout's root and installs the packages that are missing.

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
  done < scripts/packages.txt
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
