# fish completion for daxtorture: everything comes from `daxtorture --complete`, so it is that of the installed version.

# Prints "value<tab>help" for each value of a kind, and paths where they may stand.
function __daxtorture_values --argument-names program kind word
    switch $kind
        case dir
            __fish_complete_directories $word
        case file
            __fish_complete_path $word
        case n time hh:mm i/n processors ''
        case '*'
            $program --complete 2>/dev/null | awk -F '\t' -v k=$kind '$1 == "value" && $2 == k { print $3 "\t" $4 }'
            if contains $kind scenario protocol
                __fish_complete_path $word
            end
    end
end

function __daxtorture_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program $words[1]
    if test (count $words) -eq 1
        $program --complete 2>/dev/null | awk -F '\t' '$1 == "command" { print $2 "\t" $3 }'
        return
    end
    set -l command $words[2]
    set -l option $words[-1]
    set -l prefix ''
    if string match -q -- '--*=*' $word
        set option (string split -m 1 = -- $word)[1]
        set prefix $option=
        set word (string split -m 1 = -- $word)[2]
    end
    set -l kind ($program --complete 2>/dev/null | awk -F '\t' -v c=$command -v o=$option '$1 == "option" && $2 == c && $3 == o { print $4 }')
    if test -n "$kind"
        for value in (__daxtorture_values $program $kind $word)
            echo $prefix$value
        end
    else if string match -q -- '-*' $word
        $program --complete 2>/dev/null | awk -F '\t' -v c=$command '$1 == "option" && $2 == c { print $3 "\t" $5 }'
    else
        __daxtorture_values $program ($program --complete 2>/dev/null | awk -F '\t' -v c=$command '$1 == "argument" && $2 == c { print $3 }') $word
    end
end

complete -c daxtorture -f -a '(__daxtorture_complete)'
