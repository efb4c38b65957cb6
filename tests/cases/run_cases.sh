#!/usr/bin/env bash
# run_cases.sh GRAFT JSON_PROBE GROUP [NAME]: runs tests/cases/GROUP/*.case (or the one called NAME).
#
# A case is a text file, worked through in an empty folder:
#   # text            a comment
#   needs PATH        skipped, and said, without ../shared/PATH; a failure with GRAFT_REQUIRE_SHARED=1
#   requires COMMAND  skipped, and said, on a machine where the command fails
#   fixture NAME      made by make_NAME of fixtures.sh before the case
#   $ COMMAND         run by bash; `graft`, the functions of fixtures.sh and these variables are known:
#                     MODEL, QUICK_MODEL, TINY_TEXT_MODEL, CLOTHING, SMALL, RUN, LORA_RUN, FILES, SHARED
#   > MORE            the next line of the command
# and behind a command what is expected of it:
#   exit N            its exit code (0 where it is not given)
#   out TEXT          stdout holds TEXT; `no out TEXT`: does not; `empty out`: nothing is there
#   err TEXT          the same for stderr
#   json WORD...      stdout is one JSON document with these keys, see json_probe.cpp
#   lines WORD...     the same for each line of stdout
# The first failed expectation ends a case. Exit code 1 when a case failed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 3 ] || { echo "usage: run_cases.sh GRAFT JSON_PROBE GROUP [NAME]" >&2; exit 2; }
group=$3 only=${4:-}

source_root=$(cd "$here/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/graft-cases-XXXXXX")
trap 'rm -rf "$work"' EXIT
export FIXTURES=$work/fixtures FILES=$here/files
export SHARED=${GRAFT_SHARED:-$source_root/../shared}
export MODEL=$source_root/examples/models/mobilenet_v2_0.35_224 CLOTHING=$source_root/examples/data/clothing
export QUICK_MODEL="{path: $MODEL, image_size: 64}"
export TINY_TEXT_MODEL="{config: {model_type: bert, vocab_size: 96, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
  intermediate_size: 24, max_position_embeddings: 24}, init: random, tokenizer: $source_root/tests/contract_training/word_piece}"
export SMALL=$FIXTURES/small RUN=$FIXTURES/run LORA_RUN=$FIXTURES/lora_run
mkdir -p "$work/bin" "$FIXTURES"
ln -s "$(readlink -f "$1")" "$work/bin/graft"
ln -s "$(readlink -f "$2")" "$work/bin/json_probe"
[ -x "$work/bin/graft" ] && [ -x "$work/bin/json_probe" ] || { echo "run_cases: $1 or $2 cannot be run" >&2; exit 1; }
export PATH=$work/bin:$PATH CASE_LIBRARY=$here/fixtures.sh LC_ALL=C.UTF-8
source "$here/fixtures.sh"

passed=0 failed=0 skipped=0
name='' command='' status=0 problem=''

run_command() {
  [ -n "$command" ] || return 0
  bash -c "source \"\$CASE_LIBRARY\"; $command" >"$work/out" 2>"$work/err" </dev/null
  status=$?
}

show_end() {
  [ -s "$1" ] || return 0
  sed 's/^/    | /' <(tail -n 15 "$1" | cut -c1-400)
}

fail_case() {
  failed=$((failed + 1))
  printf 'FAILED  %s/%s\n    $ %s\n    %s\n' "$group" "$name" "$command" "$1"
  echo "    stdout:"; show_end "$work/out"
  echo "    stderr:"; show_end "$work/err"
}

# Judges the command that is pending by one expectation; sets problem.
judge() {
  local kind=$1 rest=$2
  problem=''
  case $kind in
    exit) [ "$status" = "$rest" ] || problem="exit code $status, expected $rest" ;;
    out | err) grep -qF -- "$rest" "$work/$kind" || problem="std$kind lacks: $rest" ;;
    no)
      kind=${rest%% *} rest=${rest#* }
      ! grep -qF -- "$rest" "$work/$kind" || problem="std$kind holds: $rest" ;;
    empty) [ ! -s "$work/$rest" ] || problem="std$rest is not empty" ;;
    json | lines)
      local words=()
      [ -z "$rest" ] || eval "words=($rest)"
      [ "$kind" = json ] || words=(--lines "$work/out" "${words[@]}")
      [ "$kind" = lines ] || words=("$work/out" "${words[@]}")
      problem=$(json_probe "${words[@]}" 2>&1) || problem=${problem:-"json_probe failed"} ;;
    *) problem="$name.case: unknown line: $kind $rest" ;;
  esac
}

run_case() {
  local file=$1 begin=$SECONDS
  name=$(basename "$file" .case)
  local folder=$work/case-$name
  mkdir "$folder" && cd "$folder" || exit 1
  command='' status=0
  local ran=1 expects_exit=0 line kind rest commands=0
  # An empty line at the end settles the last command.
  while IFS= read -r line || [ -n "$line" ]; do
    kind=${line%% *} rest=${line#* }
    [ "$rest" != "$line" ] || rest=''
    case $kind in
      '' | '#') continue ;;
      needs)
        if [ ! -e "$SHARED/$rest" ]; then
          if [ "${GRAFT_REQUIRE_SHARED:-}" = 1 ]; then
            command="needs $rest"; fail_case "GRAFT_REQUIRE_SHARED=1 but missing: $SHARED/$rest"
          else
            skipped=$((skipped + 1)); echo "skipped $group/$name: needs $SHARED/$rest"
          fi
          return
        fi
        continue ;;
      requires)
        if ! bash -c "$rest" >/dev/null 2>"$work/err"; then
          skipped=$((skipped + 1)); echo "skipped $group/$name: this machine cannot: $rest ($(tail -n 1 "$work/err"))"
          return
        fi
        continue ;;
      fixture) fixture small; fixture "$rest"; continue ;;
      '$')
        settle || return
        command=$rest ran=0 expects_exit=0 commands=$((commands + 1))
        continue ;;
      '>') command+=$'\n'$rest; continue ;;
    esac
    if [ $ran = 0 ]; then run_command; ran=1; fi
    if [ "$kind" = exit ]; then expects_exit=1
    elif [ $expects_exit = 0 ]; then
      expects_exit=1; judge exit 0
      [ -z "$problem" ] || { fail_case "$problem"; return; }
    fi
    judge "$kind" "$rest"
    [ -z "$problem" ] || { fail_case "$problem"; return; }
  done <"$file"
  settle || return
  if [ $commands = 0 ]; then command=''; fail_case "the case runs nothing"; return; fi
  passed=$((passed + 1))
  echo "passed  $group/$name ($((SECONDS - begin)) s)"
  cd "$work" && rm -rf "$folder"
}

# Before the next command: the pending one has run, and with 0 unless another code was expected.
settle() {
  if [ "$ran" = 0 ]; then run_command; ran=1; fi
  if [ "$expects_exit" = 0 ] && [ -n "$command" ]; then
    judge exit 0
    [ -z "$problem" ] || { fail_case "$problem"; return 1; }
  fi
}

fixture small
for file in "$here/$group/"${only:-*}.case; do
  [ -f "$file" ] || { echo "run_cases: there is no case $file" >&2; exit 1; }
  run_case "$file"
done
echo "$group: $passed passed, $failed failed, $skipped skipped ($SECONDS s)"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
