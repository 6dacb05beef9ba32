# Sourced by scripts that were written for Intel's bindings, from sh, bash or zsh. The bridge needs nothing of it: it
# finds its libraries by itself. Where Intel MPI (impi-rt) lies in the same environment, its launcher is put on PATH; a
# setting that the user has made is left alone, and so is everything where Intel MPI is not there.

_ipexenv_setvars() {
    if [ -n "${BASH_VERSION:-}" ]; then
        _ipexenv_file=${BASH_SOURCE:-}
    elif [ -n "${ZSH_VERSION:-}" ]; then
        _ipexenv_file=$1
    else
        # Other shells do not tell; while they read this file, they hold it open.
        _ipexenv_file=
        for _ipexenv_open in /proc/$$/fd/*; do
            _ipexenv_open=$(readlink "$_ipexenv_open" 2>/dev/null) || continue
            case $_ipexenv_open in
                */oneccl_bindings_for_pytorch/env/setvars.sh) _ipexenv_file=$_ipexenv_open ;;
            esac
        done
    fi
    [ -n "$_ipexenv_file" ] && [ -f "$_ipexenv_file" ] || return 0
    # <prefix>/lib/python3.11/site-packages/oneccl_bindings_for_pytorch/env/setvars.sh
    _ipexenv_prefix=$(CDPATH='' cd -- "$(dirname -- "$_ipexenv_file")/../../../../.." 2>/dev/null && pwd -P) || return 0
    [ -x "$_ipexenv_prefix/bin/impi_info" ] && [ -f "$_ipexenv_prefix/lib/libmpi.so.12" ] || return 0
    [ "${I_MPI_ROOT:-$_ipexenv_prefix}" = "$_ipexenv_prefix" ] || return 0

    export I_MPI_ROOT="$_ipexenv_prefix"
    case ":${PATH:-}:" in
        *":$_ipexenv_prefix/bin:"*) ;;
        *) export PATH="$_ipexenv_prefix/bin${PATH:+:$PATH}" ;;
    esac
    # Programs that are linked to MPI look for it here. Not in conda's environments, whose lib/ holds libraries that
    # programs of the system must not find.
    [ -f "$_ipexenv_prefix/pyvenv.cfg" ] || return 0
    case ":${LD_LIBRARY_PATH:-}:" in
        *":$_ipexenv_prefix/lib:"*) ;;
        *) export LD_LIBRARY_PATH="$_ipexenv_prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
    esac
}

if [ -n "${ZSH_VERSION:-}" ]; then
    eval '_ipexenv_setvars "${(%):-%x}"'
else
    _ipexenv_setvars
fi
unset -f _ipexenv_setvars
unset _ipexenv_file _ipexenv_open _ipexenv_prefix
