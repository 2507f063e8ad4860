# For scripts whose callers may give more flags (TUNE, TRAIN), since the program refuses a flag that is given twice.

# unless_named MORE FLAGS...: leave in `kept` the FLAGS, each with its values, that the words of MORE do not name.
unless_named() {
  local more=" $1 " flag='' word
  kept=()
  for word in "${@:2}"; do
    [[ $word != --* ]] || flag=$word
    [[ $more == *" $flag "* || $more == *" $flag="* ]] || kept+=("$word")
  done
}
