#!/bin/sh
# Put Debian's Chromium and its driver into a folder, without root and without changing the system.
#   sh tests/standin/get_chromium.sh .local/chromium
# Its last act is to write <folder>/chromium.path, which the tests read. Nothing is done when that is there, or
# when both programs are on PATH.
set -eu
command -v chromium && command -v chromedriver && exit 0
mkdir -p "$1"
folder=$(cd "$1" && pwd)
test -e "$folder/chromium.path" && exit 0
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/bin" "$folder/root"
apt() { apt-get -q -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" "$@"; }
apt update
# The packages that this machine lacks.
packages=$(apt install --simulate --no-install-recommends chromium chromium-driver | awk '/^Inst/ {print $2}')
cd "$folder/cache/archives"
# shellcheck disable=SC2086 - one word a package
apt download $packages
for package in *.deb; do
  dpkg -x "$package" "$folder/root"
done
libraries=$(find "$folder/root/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
for program in lib/chromium/chromium bin/chromedriver; do
  wrapper="$folder/bin/$(basename "$program")"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$folder/root/usr/$program" > "$wrapper"
  chmod +x "$wrapper"
done
rm -rf "$folder/cache" "$folder/lists"
echo "$folder/bin/chromium" > "$folder/chromium.path"
