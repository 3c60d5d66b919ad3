# Builds a derivation of the stand-in: the phases of stdenv that this project uses.
set -eu -o pipefail
: "${out:?}"
export PATH="${tools:?}" HOME="$NIX_BUILD_TOP"
umask 022
shopt -s nullglob

runHook() { :; }
phase() { [[ -z ${!1:-} ]] || eval "${!1}"; }

installManPage() {
  local page
  for page; do install -D -m 444 "$page" "$out/share/man/man${page##*.}/${page##*/}"; done
}

# installShellCompletion --cmd NAME --bash FILE --zsh FILE --fish FILE
installShellCompletion() {
  local name=''
  while (($#)); do
    case $1 in
      --cmd) name=$2 ;;
      --bash) install -D -m 444 "$2" "$out/share/bash-completion/completions/$name.bash" ;;
      --zsh) install -D -m 444 "$2" "$out/share/zsh/site-functions/_$name" ;;
      --fish) install -D -m 444 "$2" "$out/share/fish/vendor_completions.d/$name.fish" ;;
      *) echo "installShellCompletion: $1?" >&2; return 1 ;;
    esac
    shift 2
  done
}

if [[ -n ${buildCommand:-} || -n ${buildCommandPath:-} ]]; then
  eval "${buildCommand:-$(<"$buildCommandPath")}"
  exit
fi
if [[ -n ${src:-} ]]; then
  cp -r "$src" source
  chmod -R u+w source
  cd source
fi
phase postPatch
phase buildPhase
phase installPhase
phase postInstall
[[ -z ${doInstallCheck:-} ]] || phase installCheckPhase
