# Sourced by run_cases.sh: what cases share. Made on demand, once a run of the driver.

# 3 classes, 6 training, 2 validation and 2 test photos each, of the bundled data.
make_small() {
  local split class count
  for split in train:6 validation:2 test:2; do
    count=${split#*:} split=${split%:*}
    for class in hat pants shoes; do
      mkdir -p "$SMALL/$split/$class"
      find "$CLOTHING/$split/$class" -name '*.jpg' | LC_ALL=C sort | head -n "$count" |
        xargs -I{} cp {} "$SMALL/$split/$class/"
    done
  done
}

# A finished run of the head, and one of LoRA.
make_run() { quick_train output="$RUN" budget.steps=6; }
make_lora_run() {
  quick_train output="$LORA_RUN" budget.steps=3 strategy=full 'method={name: lora, r: 4}' train.batch=4
}

# fixture NAME: makes it unless it is there; fails loudly, because every case that needs it would.
fixture() {
  [ -e "$FIXTURES/$1.done" ] && return
  if ! "make_$1" >"$FIXTURES/$1.log" 2>&1; then
    echo "run_cases: the fixture $1 could not be made:" >&2
    tail -n 20 "$FIXTURES/$1.log" >&2
    exit 1
  fi
  touch "$FIXTURES/$1.done"
}

# --- commands for cases ---------------------------------------------------------------------------

# graft train of the small data, quickly: settings first, so that a case can change each.
quick_train() { ${START:-} graft train "$FILES/quick.yaml" model="$QUICK_MODEL" data="$SMALL" "$@"; }

# boxes.csv of six photos of the bundled data, here: a box a photo, of its class.
write_boxes() {
  local class file split
  echo image,xmin,ymin,xmax,ymax,label,split >boxes.csv
  for class in hat shoes; do
    for split in train test; do
      for file in $(find "$CLOTHING/$split/$class" -name '*.jpg' | LC_ALL=C sort | head -n 2); do
        cp "$file" .
        echo "${file##*/},20,20,150,150,$class,$split" >>boxes.csv
      done
    done
  done
}

# graft train of the bundled detector on small pictures, with nothing to decide.
quick_detector() {
  graft train model="{path: yolo_fastest_1.1, image_size: 64}" plan=off method=none augment=none metric=AP50 precision=float32 strategy=head train.batch=2 \
    train.lr=1e-3 train.head_lr=1e-2 train.eval_every=1 train.workers=1 train.batch_norm=frozen threads=1 "$@"
}

# questions.csv with two classes and pairs.csv with numbers, here.
write_texts() {
  local i
  echo "text,label" >questions.csv
  echo "sentence1,sentence2,score" >pairs.csv
  for i in $(seq 20); do
    printf '%s\n' "where is the river $i,place" "a bird sings $i,person" >>questions.csv
    printf '%s\n' "a bird sings $i,a bird sings,4.5" "the tree falls,red stone $i,1.5" >>pairs.csv
  done
}

# Two files of weights are equal byte for byte, and are there.
same_bytes() { cmp -- "$1" "$2"; }

# send SIGNAL WHEN COMMAND...: starts the command, waits until a line matching WHEN appears on its
# stderr (at most 60 s), sends the signal and returns the command's exit code.
send() {
  local signal=$1 when=$2 log=$PWD/send.log pid waited=0
  shift 2
  : >"$log"
  # A function is started as a shell of its own; `exec` puts graft in its place, so that it gets the signal.
  START=exec "$@" 2> >(tee "$log" >&2) &
  pid=$!
  until grep -q -- "$when" "$log"; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.02
    waited=$((waited + 1))
    [ "$waited" -gt 3000 ] && break
  done
  kill -s "$signal" "$pid" 2>/dev/null || echo "send: the command had ended before '$when'" >&2
  wait "$pid"
}

# within SECONDS COMMAND...: fails when the command takes longer, from start to exit.
within() {
  local limit=$1 begin end status=0
  shift
  begin=$(date +%s%N)
  "$@" || status=$?
  end=$(date +%s%N)
  local took=$(((end - begin) / 1000000)) allowed
  allowed=$(awk -v s="$limit" 'BEGIN {printf "%d", s * 1000}')
  echo "took $took ms of $allowed" >&2
  [ "$took" -le "$allowed" ] || { echo "OVERRUN: $took ms, allowed are $allowed" >&2; return 99; }
  return "$status"
}

# same_value FILE PATH FILE PATH: two numbers differ by less than 1e-4.
same_value() {
  local a b
  a=$(json_value "$1" "$2") && b=$(json_value "$3" "$4") || return 1
  awk -v a="$a" -v b="$b" 'BEGIN {d = a - b; exit !(a != "" && b != "" && d < 1e-4 && d > -1e-4)}' ||
    { echo "$1 $2 is $a, $3 $4 is $b" >&2; return 1; }
}
json_value() { json_probe --print "$1" "$2"; }

# same_values_in_log RUN RUN: both logs tell the same steps, losses, rates and evaluations, in order.
same_values_in_log() {
  local run
  for run in "$1" "$2"; do
    json_probe --lines "$run/log.jsonl" event || return 1
    sed -E 's/"(t|step_s|seconds|rss_bytes|tensor_peak_bytes)":[-+0-9.e]+,?//g' "$run/log.jsonl" |
      grep -E '"event":"(stage|step|eval)"' >"$run.values"
  done
  diff "$1.values" "$2.values" >&2
}

# killed_runs COUNT FILE SETTING...: a run is killed (SIGKILL) at COUNT random moments, each time from
# its beginning, every third one again while it resumes. Checkpoints are whole or absent, logs valid,
# and the resumed run's FILE has the bytes of a run that was never stopped.
killed_runs() {
  local count=$1 file=$2 whole moment i again begin length
  shift 2
  begin=$(date +%s%N)
  quick_train output=whole "$@" >/dev/null 2>whole.txt || { cat whole.txt >&2; return 1; }
  length=$((($(date +%s%N) - begin) / 1000000))
  for i in $(seq "$count"); do
    rm -rf run
    moment=$(((RANDOM * 32768 + RANDOM) % length))
    echo "kill $i after $moment of $length ms" >&2
    kill_after "$moment" quick_train output=run "$@"
    whole_files run || return 1
    if [ $((i % 3)) = 0 ] && [ -e run/config.yaml ]; then
      again=$(((RANDOM * 32768 + RANDOM) % length))
      echo "  again after $again ms" >&2
      kill_after "$again" graft resume run
      whole_files run || return 1
    fi
    if [ ! -e run/config.yaml ]; then
      quick_train output=run "$@" >end.txt 2>&1 || { cat end.txt >&2; return 1; }
    elif ! grep -qs '"status": "completed"' run/summary.json; then
      graft resume run >end.txt 2>&1 || { cat end.txt >&2; return 1; }
    fi
    same_bytes "whole/$file" "run/$file" >&2 && same_values_in_log whole run || return 1
    if find run -name '*.tmp*' | grep . >&2; then return 1; fi
  done
}

# kill_after MILLISECONDS COMMAND...
kill_after() {
  local moment=$1 pid
  shift
  START=exec "$@" >/dev/null 2>&1 &
  pid=$!
  sleep "$(awk -v m="$moment" 'BEGIN {print m / 1000}')"
  kill -KILL "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
}

# What a killed run leaves is whole: checkpoints, weights, summary and every line of its log.
whole_files() {
  local file
  for file in $(find "$1" -name '*.safetensors'); do
    graft inspect "$file" >/dev/null || return 1
  done
  for file in "$1"/summary.json "$1"/plan.json; do
    [ ! -e "$file" ] || json_probe "$file" || return 1
  done
  [ ! -s "$1/log.jsonl" ] || json_probe --lines "$1/log.jsonl" event
}

# beside_a_hog COMMAND...: while another process keeps a core busy; beside_hogs COUNT COMMAND...: while that many do.
beside_a_hog() { beside_hogs 1 "$@"; }
beside_hogs() {
  local count=$1 hogs=() status=0
  shift
  while [ "${#hogs[@]}" -lt "$count" ]; do
    (while :; do :; done) &
    hogs+=($!)
  done
  "$@" || status=$?
  kill "${hogs[@]}" 2>/dev/null
  wait "${hogs[@]}" 2>/dev/null
  return "$status"
}

# answers.jsonl: what belongs together, with a negative each; alike.csv: two texts and a score; questions.csv beside them.
write_pairs() {
  local i
  write_texts
  echo "sentence1,sentence2,score" >alike.csv
  for i in $(seq 40); do
    printf '{"anchor": "the red tree %s", "positive": "a tree of %s is red", "negative": "a river of %s flows"}\n' "$i" "$i" "$i" >>answers.jsonl
    printf 'the bird %s sings,bird %s sings,%s\n' "$i" "$((i % 7))" "$((i % 5)).5" >>alike.csv
  done
}

# tagged.conll: words and tags in lines; mails.jsonl: texts and where their entities lie.
write_tagged() {
  local i
  for i in $(seq 20); do
    printf '%s\n' "ann B-PER" "bob I-PER" "sings O" "with O" "the O" "old B-THING" "tree I-THING" ". O" "" "the O" "river B-THING" "flows O" "" >>tagged.conll
    printf '{"text": "Mail %s to ann bob.", "entities": [{"start": %s, "end": %s, "label": "PER"}]}\n' "$i" $((9 + ${#i})) $((16 + ${#i})) >>mails.jsonl
  done
}
