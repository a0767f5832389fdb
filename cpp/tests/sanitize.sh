#!/usr/bin/env bash
# The engine under the sanitizers: AddressSanitizer and UndefinedBehaviorSanitizer under the Python
# tests of the engine, and ThreadSanitizer under the pool's own test.
#   cpp/tests/sanitize.sh PYTHON [PYTEST ARGUMENT ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
shift
build=build/sanitize
site=$build/site

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DPython_EXECUTABLE="$(realpath -s "$python")" -Dnanobind_DIR="$("$python" -m nanobind --cmake_dir)" \
  -DTIDEGATE_SANITIZE=ON -DTIDEGATE_TEST_KERNELS=ON \
  -DCMAKE_INSTALL_PREFIX="$PWD/$site" >"$build.log" || { cat "$build.log"; exit 1; }
cmake --build "$build"

# A package of links to the sources around the module just built. It must come before the
# installed one, whose finder would be asked first.
rm -rf "$site"
mkdir -p "$site/tidegate"
cmake --install "$build" >>"$build.log"
ln -s "$PWD"/src/tidegate/* "$site/tidegate/"
cat >"$site/sitecustomize.py" <<'END'
import sys
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "ScikitBuildRedirectingFinder"]
END

# Python keeps memory until it ends, and is itself not instrumented.
preload="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libstdc++.so.6)"
env LD_PRELOAD="$preload" PYTHONPATH="$site" ASAN_OPTIONS=detect_leaks=0,allocator_may_return_null=1 \
  UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1 \
  "$python" -m pytest -q -p no:cacheprovider tests/engine/test_engine_*.py "$@"

# Neither lets a process fork while its other threads allocate: GCC 12's AddressSanitizer then
# hangs in the child's malloc, ThreadSanitizer refuses the child's threads.
for sanitizer in thread address,undefined; do
  c++ -std=c++20 -O1 -g -Wall -Wextra "-fsanitize=$sanitizer" -pthread -Icpp \
    cpp/tests/pool_test.cpp cpp/engine/{pool,openmp,cpu}.cpp -ldl -o "$build/pool_test"
  "$build/pool_test" --no-fork
done
