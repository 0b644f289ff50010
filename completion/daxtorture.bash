# bash completion for daxtorture: everything comes from `daxtorture --complete`, so it is that of the installed version.

# The values of a kind (a column of the list), or paths when it has none.
_daxtorture_values()
{
    local list=$1 kind=$2 word=$3
    case $kind in
    dir) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$word") ;;
    n | time | hh:mm | i/n | processors) ;;
    *)
        mapfile -t COMPREPLY < <(awk -F '\t' -v k="$kind" -v w="$word" \
            '$1 == "value" && $2 == k && index($3, w) == 1 { print $3 }' <<<"$list")
        case $kind in
        file | scenario | protocol)
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
            ;;
        esac
        ;;
    esac
}

_daxtorture()
{
    # Words as the shell has them are broken at '=': those of the line are not.
    local line=${COMP_LINE:0:COMP_POINT} words word before list kind
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[-1]}
    before=${words[-2]-}
    COMPREPLY=()
    list=$("${words[0]}" --complete 2>/dev/null) || return
    if ((${#words[@]} == 2)); then
        mapfile -t COMPREPLY < <(compgen -W "$(awk -F '\t' '$1 == "command" { print $2 }' <<<"$list") --help --version" -- "$word")
        return
    fi
    if [[ $word == --*=* ]]; then
        before=${word%%=*}
        word=${word#*=}
    fi
    kind=$(awk -F '\t' -v c="${words[1]}" -v o="$before" '$1 == "option" && $2 == c && $3 == o { print $4 }' <<<"$list")
    if [[ -n $kind ]]; then
        _daxtorture_values "$list" "$kind" "$word"
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk -F '\t' -v c="${words[1]}" '$1 == "option" && $2 == c { print $3 }' <<<"$list")" -- "$word")
    else
        kind=$(awk -F '\t' -v c="${words[1]}" '$1 == "argument" && $2 == c { print $3 }' <<<"$list")
        _daxtorture_values "$list" "$kind" "$word"
    fi
    # The shell replaces only what follows the last '='.
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%=*}="}")
    fi
}
complete -o filenames -F _daxtorture daxtorture
