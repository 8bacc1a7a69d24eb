#!/bin/sh
# What the tests need from the system: installed by apt as root, otherwise named in one line.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v ffmpeg >/dev/null || missing="$missing ffmpeg"
command -v pdftoppm >/dev/null || missing="$missing poppler-utils"
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "· system packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
  exit 0
fi
echo "The tests need$missing: install with 'sudo apt-get install$missing'." >&2
exit 1
