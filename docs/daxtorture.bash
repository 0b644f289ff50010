# bash completion for daxtorture
# Options are asked of the program itself, so that they are those of the installed version.
_daxtorture()
{
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n '/^Subcommands:/,$s/^  \([a-z][a-z-]*\).*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$word")
        return
    fi
    if [[ $word == -* ]]; then
        words=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case $command in
    check | stress)
        words=$("${COMP_WORDS[0]}" check --list 2>/dev/null | awk '{print $1}')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        ;;
    esac
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _daxtorture daxtorture
