# SPDX-License-Identifier: Apache-2.0
# Completion of pluton-run for bash.

# Up to COMMAND its own options; then whatever COMMAND completes to, where bash-completion is there.
_pluton_run()
{
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			declare -F _command_offset >/dev/null && _command_offset $((i + 1))
			return
		fi
	done
	case "$before" in
	--state | --config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	--log-level)
		mapfile -t COMPREPLY < <(compgen -W 'off error warning info debug trace' -- "$current")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W \
			'--state --dbus --config --keep --log-level --help --usage --version --' -- "$current")
		;;
	esac
}

complete -F _pluton_run pluton-run
