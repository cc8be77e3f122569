#!/bin/sh
# install_packages.sh GROUP (build, test or check): makes sure that the Debian packages of a group are there.
# As root, or with a sudo that asks no password, it installs what is missing; otherwise it prints the
# list and fails. With nothing missing it only asks dpkg, which takes a few hundredths of a second.
# CARAT_NO_INSTALL=1 skips it, for those who have the tools from elsewhere.
set -eu

case "${1:-}" in
  build) packages="g++ cmake ninja-build pkg-config python3 python3-venv ca-certificates libfmt-dev
    nlohmann-json3-dev libutf8proc-dev libcli11-dev libedit-dev libgtest-dev libbenchmark-dev
    libjpeg62-turbo-dev libpng-dev libwebp-dev libavif-dev libavcodec-dev libavformat-dev libswscale-dev libsoxr-dev
    libseccomp-dev libssl-dev libsqlite3-dev libcurl4-openssl-dev libboost1.81-dev" ;;
  test) packages="chromium" ;;
  check) packages="clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19" ;;
  *) echo "usage: $0 build|test|check" >&2; exit 2 ;;
esac
[ "${CARAT_NO_INSTALL:-0}" = 1 ] && exit 0

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is no Debian, so nothing is installed. carat needs what Debian 12 calls:" $packages >&2
  exit 0  # CMake says what it cannot find
fi

# shellcheck disable=SC2016,SC2086  # dpkg's format, and a list meant to be split
installed=$(dpkg-query -W -f '${db:Status-Status}=${Package} ' $packages 2>/dev/null || true)
missing=""
for package in $packages; do
  case " $installed" in
    *" installed=$package "*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    as_root="none"
  fi
fi
if [ "$as_root" = none ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "These packages are missing:$missing" >&2
  echo "Install them as root:  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "Installing:$missing"
apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
# shellcheck disable=SC2086
$as_root $apt update </dev/null
# shellcheck disable=SC2086
$as_root $apt install --no-install-recommends $missing </dev/null
