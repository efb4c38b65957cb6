#pragma once

namespace graft {

/// What compilers call for `#pragma omp parallel`: runs function(data) on so many threads of the
/// OpenMP runtime that LibTorch brought. libgomp has it, and Intel's and LLVM's for compatibility;
/// null where none is loaded.
using OmpParallel = void (*)(void (*function)(void*), void* data, unsigned threads, unsigned flags);
OmpParallel omp_parallel();

}  // namespace graft
