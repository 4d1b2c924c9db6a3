#!/usr/bin/env bash
# run.sh SECONDS [TARGET…]: builds the fuzz targets with coverage and runs each of them for so long, from the golden bundles and from what
# earlier runs kept in target/fuzz. Ends with an error, and names the input, as soon as one fails. `run.sh 60 schema`
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
targets=("${@:-}")
[ -n "${targets[0]}" ] || targets=(bundle chunks chain keys schema condition log)
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
triple=$(rustc -vV | sed -n 's/^host: //p')
bin=$target/$triple/release
${CARGO:-cargo} run --locked --quiet -p lifeboat-fuzz --bin seeds -- "$target/seeds"
# What cargo-fuzz passes, without a sanitizer: those need another toolchain. Overflows and debug assertions count as failures.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1"
CARGO_TARGET_DIR=$target ${CARGO:-cargo} build --locked --release --quiet --target "$triple" -p lifeboat-fuzz "${targets[@]/#/--bin=}"
printf '%-10s %10s %10s %8s %8s\n' target executions per-second coverage inputs
for name in "${targets[@]}"; do
    mkdir -p "$target/corpus/$name" "$target/failures"
    # An empty directory: whatever an input does, a file that appears in it is a failure.
    empty=$(mktemp -d)
    log=$target/$name.log
    if ! (cd "$empty" && "$bin/$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 \
        -artifact_prefix="$target/failures/$name-" "$target/corpus/$name" "$target/seeds/$name" >"$log" 2>&1); then
        tail -n 40 "$log"
        echo "$name failed; the input is in $target/failures" >&2
        exit 1
    fi
    rmdir "$empty"
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -c 6-)
    printf '%-10s %10s %10s %8s %8s\n' "$name" "$executions" "$rate" "$coverage" "$(ls "$target/corpus/$name" | wc -l)"
done
