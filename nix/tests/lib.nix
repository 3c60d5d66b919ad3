# What the tests share: keys, a member of the test network as a NixOS module, and words for the scripts.
{ pkgs, mesh }:
let
  inherit (pkgs) lib;
  keys = ./keys;
  readLine = name: lib.removeSuffix "\n" (builtins.readFile (keys + "/${name}"));

  names = [ "alpha" "beta" "gamma" "delta" "epsilon" "zeta" "eta" "theta" "iota" "kappa" ];

  # For each name a certificate, and one that names a namespace as well, signed by the network key of the tests.
  certificates = pkgs.runCommand "mesh-test-certificates" { } ''
    mkdir $out
    install -m 600 ${keys + "/network.key"} network.key
    ${lib.concatMapStrings
      (name: ''
        ${mesh.package}/bin/mesh certificate sign --network-key network.key --network ${network} \
          --name ${name} --key ${readLine "${name}.id"} --expires 3650d --output $out/${name}.cert
        ${mesh.package}/bin/mesh certificate sign --network-key network.key --network ${network} --namespace health \
          --name ${name} --key ${readLine "${name}.id"} --expires 3650d --output $out/${name}-health.cert
      '')
      names}
  '';
  network = "mesh-test";
in
rec {
  inherit certificates lib mesh names network pkgs;

  # The public part of a key in ./keys.
  key = name: readLine "${name}.key.pub";
  # Where a node of the test can be found.
  addressOf = name: "/dns/${name}/tcp/7946/p2p/${readLine "${name}.id"}";

  # A test, under the name of its file.
  test = name: { nodes, testScript, defaults ? { } }: pkgs.testers.runNixOSTest {
    name = "mesh-${name}";
    inherit nodes;
    defaults.imports = [ mesh.module defaults ];
    testScript = builtins.readFile ./prelude.py + testScript;
  };

  # A node that belongs to the network of the tests, and that alpha has never heard of before it comes.
  member = { config, ... }:
    let
      name = config.networking.hostName;
      secret = file: { source = keys + "/${file}"; mode = "0400"; };
    in
    {
      services.mesh = {
        enable = true;
        package = mesh.package;
        openFirewall = true;
        settings = {
          network = {
            id = network;
            keys = [ (key "network") ];
            psk = lib.mkDefault "/etc/mesh-test/network.psk";
            certificate = lib.mkDefault "${certificates}/${name}.cert";
            identity_key = "/etc/mesh-test/identity.key";
          };
          cluster.bootstrap_peers = lib.mkDefault [ (addressOf "alpha") ];
          # What an announcement missed is healed soon: no test waits for half a minute.
          cluster.push_pull_interval = lib.mkDefault "1s";
        };
        files.motd = lib.mkDefault [ (key "alice") ];
      };
      # On a real machine these come from sops-nix, agenix or clan; here from the public test keys.
      environment.etc = {
        "mesh-test/network.psk" = secret "network.psk";
        "mesh-test/other.psk" = secret "other.psk";
        "mesh-test/network.key" = secret "network.key";
        "mesh-test/identity.key" = secret "${name}.key";
        "mesh-test/alice.key" = secret "alice.key";
        "mesh-test/bob.key" = secret "bob.key";
        "mesh-test/carol.key" = secret "carol.key";
        "mesh-test/mallory.key" = secret "mallory.key";
        "mesh-test/alice.pub".text = "${key "alice"}\n";
        "mesh-test/mallory.pub".text = "${key "mallory"}\n";
        "mesh-test/bob.pub".text = "${key "bob"}\n";
      };
      environment.systemPackages = [ pkgs.curl pkgs.jq pkgs.openssh ];
    };
}
