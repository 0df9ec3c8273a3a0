# SPDX-License-Identifier: Apache-2.0
# Completion of pluton-cli for bash. Names of things that there are now come from the daemon, which
# is asked for no longer than a moment; without one there are none, and nothing is said.

_pluton_cli_common='--address --json --quiet --help --usage --version'
_pluton_cli_digests='sha1 sha224 sha256 sha384 sha512 sha3-256 sha3-384 sha3-512'
_pluton_cli_macs="hmac-${_pluton_cli_digests// / hmac-} cmac"
_pluton_cli_nouns='status capsules engines selftest ps top limits trace random hash key mac kdf aes ecc
	rsa tpm nv app alarm log log-level help'

# The words that may follow, for the noun (and verb) that stand before.
_pluton_cli_words()
{
	case "$1" in
	'') echo "$_pluton_cli_nouns $_pluton_cli_common" ;;
	selftest) echo "--list $_pluton_cli_common" ;;
	random) echo "--raw $_pluton_cli_common" ;;
	trace) echo "--output --duration --count --capsule $_pluton_cli_common" ;;
	hash) echo "$_pluton_cli_common" ;;
	kdf) echo "hkdf sp800-108 pbkdf2 $_pluton_cli_common" ;;
	'kdf hkdf')
		echo "--hash --key-file --key-hex --key-slot --salt-hex --info --info-hex --step --length --out --raw" \
			"$_pluton_cli_common"
		;;
	'kdf sp800-108')
		echo "--prf --key-file --key-hex --key-slot --label --label-hex --context --context-hex --fixed-hex" \
			"--length --out --raw $_pluton_cli_common"
		;;
	'kdf pbkdf2')
		echo "--hash --password-file --key-file --key-hex --key-slot --salt-hex --iterations --length" \
			"--out --raw $_pluton_cli_common"
		;;
	key) echo "list generate import derive public wrap unwrap delete $_pluton_cli_common" ;;
	'key generate') echo "--usage --policy --slot --size $_pluton_cli_common" ;;
	'key import') echo "--usage --policy --slot --key-file --key-hex $_pluton_cli_common" ;;
	'key derive') echo "--usage --policy --slot --size --label $_pluton_cli_common" ;;
	'key unwrap') echo "--usage --policy --slot --size --with --in $_pluton_cli_common" ;;
	'key wrap') echo "--with --out $_pluton_cli_common" ;;
	'key public') echo "--format --out $_pluton_cli_common" ;;
	mac) echo "--key-file --key-hex --key-slot --verify $_pluton_cli_common" ;;
	aes) echo "encrypt decrypt $_pluton_cli_common" ;;
	'aes encrypt' | 'aes decrypt')
		echo "--mode --key-file --key-hex --key-slot --iv-hex --nonce-hex --aad-hex --tag-size --padding" \
			"--segment-size --hash --in --out $_pluton_cli_common"
		;;
	ecc) echo "generate public sign verify ecdh $_pluton_cli_common" ;;
	'ecc generate') echo "--curve --format --out $_pluton_cli_common" ;;
	'ecc public') echo "--key --key-slot --format --out $_pluton_cli_common" ;;
	'ecc sign') echo "--key --key-slot --hash --format --in --out $_pluton_cli_common" ;;
	'ecc verify')
		echo "--key --signature --hash --format --in $_pluton_cli_common"
		;;
	'ecc ecdh') echo "--key --key-slot --peer --out $_pluton_cli_common" ;;
	rsa) echo "generate public sign verify encrypt decrypt $_pluton_cli_common" ;;
	'rsa generate') echo "--bits --exponent --format --out $_pluton_cli_common" ;;
	'rsa public') echo "--key --format --out $_pluton_cli_common" ;;
	'rsa sign') echo "--key --key-slot --padding --hash --mgf-hash --salt --in --out $_pluton_cli_common" ;;
	'rsa verify')
		echo "--key --signature --padding --hash --mgf-hash --salt --in $_pluton_cli_common"
		;;
	'rsa encrypt') echo "--key --padding --hash --mgf-hash --label-hex --in --out $_pluton_cli_common" ;;
	'rsa decrypt')
		echo "--key --key-slot --padding --hash --mgf-hash --label-hex --in --out" \
			"$_pluton_cli_common"
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

# What may stand as an argument (not as an option) after the noun and verb, if there are only some
# words for it. $2: how many arguments stand before.
_pluton_cli_arguments()
{
	case "$1 $2" in
	'hash 0') echo "$_pluton_cli_digests" ;;
	'mac 0') echo "$_pluton_cli_macs" ;;
	'log-level 0') echo 'off error warning info debug trace' ;;
	'key generate 0' | 'key import 0' | 'key derive 0' | 'key unwrap 0')
		echo 'aes128 aes192 aes256 secret p256 p384 p521 ed25519 x25519 rsa2048 rsa3072 rsa4096'
		;;
	'key public 0' | 'key wrap 0' | 'key delete 0') _pluton_cli_names key ;;
	'nv lock 1') echo 'write-until-restart write read-until-restart' ;;
	'nv status 0' | 'nv put 0' | 'nv get 0' | 'nv write 0' | 'nv read 0' | 'nv lock 0' | 'nv delete 0')
		_pluton_cli_names nv
		;;
	'app status 0' | 'app start 0' | 'app stop 0' | 'app restart 0') _pluton_cli_names app ;;
	*) return 1 ;;
	esac
}

# What may stand as the value of an option, if there are only some words for it.
_pluton_cli_values()
{
	case "$1" in
	--mode | -m) echo 'gcm gcm-stream ccm ctr cbc ecb' ;;
	--padding | -p)
		case "$noun" in
		'rsa sign' | 'rsa verify') echo 'pss pkcs1' ;;
		'rsa encrypt' | 'rsa decrypt') echo 'oaep pkcs1' ;;
		*) echo 'pkcs7 none' ;;
		esac
		;;
	--tag-size) echo '4 6 8 10 12 14 16' ;;
	--segment-size) echo '4096 1048576' ;;
	--curve) echo 'p256 p384 p521 ed25519 x25519' ;;
	--hash | --mgf-hash)
		case "$noun" in
		aes*) echo 'sha256 sha512 sha1' ;;
		*) echo "$_pluton_cli_digests" ;;
		esac
		;;
	--prf) echo "$_pluton_cli_macs" ;;
	--step) echo 'extract expand' ;;
	--format)
		case "$noun" in
		'ecc sign' | 'ecc verify') echo 'der raw' ;;
		*) echo 'pem der' ;;
		esac
		;;
	--bits | -b) echo '2048 3072 4096' ;;
	--key-slot | --with) _pluton_cli_names key ;;
	--usage) echo "encrypt decrypt sign mac derive wrap" ;;
	--policy) echo "exportable never-exported this-boot engine-iv" ;;
	--instance) _pluton_cli_names app ;;
	--level) echo 'error warning notice info debug' ;;
	--locality) echo '0 1 2 3 4' ;;
	esac
}

# The first column of a list of things that there are now, if the daemon answers.
_pluton_cli_names()
{
	timeout 2 pluton-cli ${address:+--address "$address"} "$1" list 2>/dev/null </dev/null |
		awk 'NR > 1 {print $1}'
}

# The words up to the cursor as pluton-cli will get them: bash takes them apart at = and :.
_pluton_cli_read_words()
{
	local i word join=
	words=()
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == : && ${#words[@]} -gt 0 ]]; then
			words[-1]+=:
			join=yes
		elif [[ -n $join ]]; then
			words[-1]+=$word
			join=
		elif [[ $word == = && ${words[-1]} == --* ]]; then
			[[ $i -lt $COMP_CWORD ]] || words+=('')
		else
			words+=("$word")
		fi
	done
}

# The noun before the cursor, the verb too where there are verbs, how many words follow them, and
# where the daemon is.
_pluton_cli_where()
{
	local i word
	noun='' arguments=0 address=''
	for ((i = 0; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		case "$word" in
		--address | -a)
			i=$((i + 1))
			address=${words[i]}
			;;
		--mode | -m | --key-file | -k | --key-hex | --key-slot | --with | --usage | --policy | --slot | \
			--size | --label | --iv-hex | --nonce-hex | --aad-hex | \
			--tag-size | --padding | --verify | --in | -i | --out | -o | --instance | \
			--locality | --offset | --length | --count | --level | --curve | --format | \
			--key | --hash | --signature | -s | --peer | -p | --mgf-hash | --salt | \
			--label-hex | --bits | -b | --exponent | --salt-hex | --info | --info-hex | \
			--step | --prf | --label | --context | --context-hex | --fixed-hex | \
			--password-file | --iterations | --segment-size)
			i=$((i + 1))
			;;
		-*) ;;
		*)
			if [[ -z $noun ]]; then
				noun=$word
			elif [[ $noun == @(kdf|aes|ecc|key|rsa|tpm|nv|app) ]]; then
				noun="$noun $word"
			else
				arguments=$((arguments + 1))
			fi
			;;
		esac
	done
}

_pluton_cli_files()
{
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_pluton_cli()
{
	local noun arguments address words current before choices

	COMPREPLY=()
	_pluton_cli_read_words
	_pluton_cli_where
	current=${words[-1]}
	before=
	[[ ${#words[@]} -lt 2 ]] || before=${words[-2]}
	case "$before" in
	--in | -i | --out | -o | --key-file | -k | --key | --signature | -s | --peer | --password-file)
		_pluton_cli_files "$current"
		return
		;;
	--mode | -m | --padding | -p | --tag-size | --segment-size | --curve | --hash | --mgf-hash | --format | \
		--prf | --step | --bits | -b | --instance | --level | --locality | --key-slot | --with | \
		--usage | --policy)
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_values "$before")" -- "$current")
		return
		;;
	--key-hex | --iv-hex | --nonce-hex | --aad-hex | --label-hex | --salt | --exponent | \
		--salt-hex | --info | --info-hex | --label | --context | --context-hex | --fixed-hex | \
		--iterations | --slot | --size | \
		--verify | --address | -a | --offset | --length | --count)
		return
		;;
	esac
	if [[ $noun == @(hash|mac) && $current != -* && $arguments -eq 1 ]]; then
		_pluton_cli_files "$current"
	elif [[ $current != -* ]] && choices=$(_pluton_cli_arguments "$noun" "$arguments"); then
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_pluton_cli_words "$noun")" -- "$current")
	fi
}

complete -F _pluton_cli pluton-cli
