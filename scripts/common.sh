# Shared by the scripts beside it; sourced, never run.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
torch_version=2.13.0
torch_minimum=2.11
quiet=${quiet:-}

say() { [ -n "$quiet" ] || printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Cores this process may use: affinity, and the CPU quota of its control group.
cores() {
  local count quota period
  count=$(nproc)
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    local allowed=$(((quota + period - 1) / period))
    [ "$allowed" -lt "$count" ] && count=$allowed
  fi
  echo "$((count > 0 ? count : 1))"
}

# Free memory in MB, of the machine or of the control group, whichever is less.
free_memory() {
  local free limit used
  free=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  if read -r limit 2>/dev/null </sys/fs/cgroup/memory.max && [ "$limit" != max ]; then
    read -r used </sys/fs/cgroup/memory.current
    limit=$(((limit - used) / 1048576))
    [ "$limit" -lt "$free" ] && free=$limit
  fi
  echo "$free"
}

# Parallel compilations: a file that sees LibTorch takes up to 1.2 GB.
jobs() {
  local count limit
  count=$(cores)
  limit=$(($(free_memory) / 1200))
  [ "$limit" -lt "$count" ] && count=$limit
  echo "$((count > 0 ? count : 1))"
}

have_nvcc() {
  command -v nvcc >/dev/null || [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]
}

# A python that LibTorch's wheels are built for.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  die "no python3 of version 3.10 or later was found; it is needed to fetch LibTorch. Install one, or set GRAFT_TORCH" \
    "to the folder of a LibTorch $torch_minimum or later (the one that holds share/cmake/Torch)."
}

# install_torch <environment>: the CPU build of torch into a private environment.
# PyTorch's own index has the CPU builds. PyPI's file for Linux is mostly a CUDA build of several gigabytes, so that it is
# only taken when a dry run shows no CUDA packages among its needs.
install_torch() {
  local pip="$1/bin/pip" plan
  if "$pip" install --quiet --timeout 15 --retries 0 --index-url https://download.pytorch.org/whl/cpu \
    "torch==$torch_version" >"$1/pip.log" 2>&1; then
    return
  fi
  say "  download.pytorch.org gave no CPU build; trying PyPI"
  plan=$("$pip" install --quiet --dry-run --report - "torch==$torch_version" 2>>"$1/pip.log") ||
    die "torch $torch_version could not be had from PyPI either (see $1/pip.log). Set GRAFT_TORCH to the folder of a" \
      "LibTorch $torch_minimum or later (the one that holds share/cmake/Torch)."
  if grep -Eq '"name": *"(nvidia|cuda)-' <<<"$plan"; then
    die "PyPI offers only a CUDA build of torch $torch_version here, and the CPU build at https://download.pytorch.org/whl/cpu" \
      "cannot be reached. Download libtorch-shared-with-deps (CPU) and set GRAFT_TORCH to its folder."
  fi
  "$pip" install --quiet "torch==$torch_version" >>"$1/pip.log" 2>&1 || die "pip could not install torch (see $1/pip.log)"
}
