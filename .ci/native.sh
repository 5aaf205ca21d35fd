# Sourced by ./cellcast and ./test: sees to libhdf5, the one native library, and finds the .NET SDK.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Puts dotnet on the path where it is installed in one of its usual places but not on the path.
ensure_dotnet() {
  command -v dotnet >/dev/null 2>&1 && return 0
  local place
  for place in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet /usr/local/share/dotnet /opt/homebrew/bin; do
    if [ -n "$place" ] && [ -x "$place/dotnet" ]; then
      PATH="$place:$PATH"
      export PATH
      return 0
    fi
  done
  echo "cellcast: the .NET 10 SDK is not installed: get it from https://dot.net." >&2
  return 3
}

hdf5_found() {
  [ -n "${CELLCAST_HDF5:-}" ] && return 0
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -Eq 'libhdf5(_serial)?\.so' && return 0
  ls /usr/lib/*/libhdf5*.so* /usr/lib/libhdf5*.so* /usr/lib64/libhdf5*.so* /usr/local/lib/libhdf5*.so* \
     /opt/homebrew/lib/libhdf5*.dylib /usr/local/lib/libhdf5*.dylib /opt/local/lib/libhdf5*.dylib ${CONDA_PREFIX:+"$CONDA_PREFIX"/lib/libhdf5*} 2>/dev/null | grep -q .
}

ensure_hdf5() {
  hdf5_found && return 0
  local sudo="" package
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if command -v apt-get >/dev/null 2>&1; then
    echo "cellcast: installing libhdf5 (once)" >&2
    $sudo apt-get update -qq >&2
    for package in libhdf5-310 libhdf5-103-1 libhdf5-103; do
      $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 && hdf5_found && return 0
    done
  fi
  echo "cellcast: libhdf5 is not installed; install it (Debian: libhdf5-103-1, Fedora: hdf5, macOS: brew install hdf5) or set CELLCAST_HDF5 to its path." >&2
  return 3
}
