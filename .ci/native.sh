# Sourced by ./cellcast and ./test: sees to libhdf5, the one native library.

hdf5_found() {
  [ -n "${CELLCAST_HDF5:-}" ] && return 0
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -Eq 'libhdf5(_serial)?\.so' && return 0
  ls /usr/lib/*/libhdf5*.so* /usr/lib/libhdf5*.so* /usr/local/lib/libhdf5*.so* /opt/homebrew/lib/libhdf5*.dylib /usr/local/lib/libhdf5*.dylib >/dev/null 2>&1
}

ensure_hdf5() {
  hdf5_found && return 0
  local sudo="" package
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if command -v apt-get >/dev/null 2>&1; then
    echo "cellcast: installing libhdf5 (once)" >&2
    $sudo apt-get update -qq >&2
    for package in libhdf5-310 libhdf5-103-1 libhdf5-103; do
      $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 && return 0
    done
  fi
  hdf5_found && return 0
  echo "cellcast: libhdf5 is not installed; install it (Debian: libhdf5-103-1, Fedora: hdf5, macOS: brew install hdf5) or set CELLCAST_HDF5 to its path." >&2
  return 3
}
