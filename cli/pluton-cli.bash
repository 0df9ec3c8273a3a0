# SPDX-License-Identifier: Apache-2.0
# Completion of pluton-cli for bash.

_pluton_cli_common='--address --json --quiet --help --usage --version'
_pluton_cli_nouns='status capsules engines ps top limits random hash aes rsa tpm nv app alarm log
	log-level help'

_pluton_cli_hashes='sha1 sha224 sha256 sha384 sha512 sha3-256 sha3-384 sha3-512'

# The words that may follow, for the noun (and verb) that stand before.
_pluton_cli_words()
{
	case "$1" in
	'') echo "$_pluton_cli_nouns $_pluton_cli_common" ;;
	random) echo "--raw $_pluton_cli_common" ;;
	hash) echo "$_pluton_cli_common" ;;
	aes) echo "encrypt decrypt $_pluton_cli_common" ;;
	'aes encrypt' | 'aes decrypt')
		echo "--mode --key-file --key-hex --iv-hex --aad-hex --in --out $_pluton_cli_common"
		;;
	rsa) echo "generate public sign verify encrypt decrypt $_pluton_cli_common" ;;
	'rsa generate') echo "--bits --exponent --form --out $_pluton_cli_common" ;;
	'rsa public') echo "--key --form --out $_pluton_cli_common" ;;
	'rsa sign') echo "--key --padding --hash --mgf-hash --salt --in --out $_pluton_cli_common" ;;
	'rsa verify')
		echo "--key --signature --padding --hash --mgf-hash --salt --in $_pluton_cli_common"
		;;
	'rsa encrypt' | 'rsa decrypt')
		echo "--key --padding --hash --mgf-hash --label-hex --in --out $_pluton_cli_common"
		;;
	tpm) echo "info send cancel $_pluton_cli_common" ;;
	'tpm info' | 'tpm cancel') echo "--instance $_pluton_cli_common" ;;
	'tpm send') echo "--instance --locality --in --out $_pluton_cli_common" ;;
	nv) echo "list status put get define write read lock delete $_pluton_cli_common" ;;
	'nv put') echo "--in $_pluton_cli_common" ;;
	'nv get') echo "--out $_pluton_cli_common" ;;
	'nv write') echo "--offset --in $_pluton_cli_common" ;;
	'nv read') echo "--offset --length --out $_pluton_cli_common" ;;
	app) echo "list status start stop restart $_pluton_cli_common" ;;
	alarm) echo "--every --count $_pluton_cli_common" ;;
	log) echo "--level $_pluton_cli_common" ;;
	log-level) echo "off error warning info debug trace $_pluton_cli_common" ;;
	help) echo "${_pluton_cli_nouns% help}" ;;
	*) echo "$_pluton_cli_common" ;;
	esac
}

# The first column of a list of things that there are now, if the daemon answers.
_pluton_cli_names()
{
	pluton-cli "$@" list 2>/dev/null | awk 'NR > 1 {print $1}'
}

# What may stand as the word after the verb.
_pluton_cli_things()
{
	case "$1" in
	'nv status' | 'nv put' | 'nv get' | 'nv write' | 'nv read' | 'nv lock' | 'nv delete')
		_pluton_cli_names nv
		;;
	'app status' | 'app start' | 'app stop' | 'app restart') _pluton_cli_names app ;;
	esac
}

# Signatures have others than ciphers.
_pluton_cli_paddings()
{
	local noun arguments

	_pluton_cli_where
	case "$noun" in
	'rsa sign' | 'rsa verify') echo 'pss pkcs1' ;;
	'rsa encrypt' | 'rsa decrypt') echo 'oaep pkcs1' ;;
	esac
}

# The noun before the cursor, the verb too where there are verbs, and how many words follow them.
_pluton_cli_where()
{
	local i word
	noun='' arguments=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case "$word" in
		--address | -a | --mode | -m | --key-file | -k | --key-hex | --iv-hex | --aad-hex | \
			--in | -i | --out | -o | --instance | --locality | --offset | --length | \
			--count | --level | --key | --signature | -s | --padding | -p | --hash | \
			--mgf-hash | --salt | --label-hex | --form | --bits | -b | --exponent)
			i=$((i + 1))
			;;
		-*) ;;
		*)
			if [[ -z $noun ]]; then
				noun=$word
			elif [[ $noun == @(aes|rsa|tpm|nv|app) ]]; then
				noun="$noun $word"
			else
				arguments=$((arguments + 1))
			fi
			;;
		esac
	done
}

_pluton_cli()
{
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local noun arguments

	COMPREPLY=()
	case "$before" in
	--mode | -m)
		mapfile -t COMPREPLY < <(compgen -W 'ctr gcm' -- "$current")
		return
		;;
	--padding | -p)
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_paddings)" -- "$current")
		return
		;;
	--hash | --mgf-hash)
		mapfile -t COMPREPLY < <(compgen -W "$_pluton_cli_hashes" -- "$current")
		return
		;;
	--form)
		mapfile -t COMPREPLY < <(compgen -W 'pem der' -- "$current")
		return
		;;
	--bits | -b)
		mapfile -t COMPREPLY < <(compgen -W '2048 3072 4096' -- "$current")
		return
		;;
	--in | -i | --out | -o | --key-file | --key | -k | --signature | -s)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--instance)
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_names app)" -- "$current")
		return
		;;
	--level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning notice info debug' -- "$current")
		return
		;;
	--key-hex | --iv-hex | --aad-hex | --label-hex | --salt | --exponent | --address | -a | --locality | --offset | --length | --count)
		return
		;;
	esac
	_pluton_cli_where
	if [[ $noun == hash && $current != -* && $arguments -eq 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$_pluton_cli_hashes" -- "$current")
	elif [[ $noun == hash && $current != -* && $arguments -eq 1 ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	elif [[ $noun == 'nv lock' && $current != -* && $arguments -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'write-until-restart write read-until-restart' \
			-- "$current")
	elif [[ $noun == @(nv|app)' '* && $current != -* && $arguments -eq 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_things "$noun")" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_words "$noun")" -- "$current")
	fi
}

complete -F _pluton_cli pluton-cli
