using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Tests;

/// <summary>The service's MLS signature keys, from start to rotation.</summary>
public sealed class Signature_keys_of_the_service
{
    [Fact]
    public async Task The_command_rotates_them_under_a_running_host_and_the_audit_log_tells()
    {
        using TestHost host = new();
        string before = await Keys(host);
        (int code, string output, string error) = await Audit_commands.Run("rotate-signature-key", host.Connection);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(
            "the service has new signature keys; 5 retired ones are kept, 0 that no group lists are deleted\n",
            output
        );
        string after = await Keys(host);
        Assert.NotEqual(before, after);
        AuditEntry entry = Assert.Single(
            await host.Services.GetRequiredService<AuditLog>().LatestAsync(10, CancellationToken.None),
            static entry => entry.Action == "rotateSignatureKey"
        );
        Assert.Equal(("operator", RequestOutcomes.Accepted), (entry.Actor, entry.Outcome));
        using TestHost second = new(host);
        Assert.Equal(after, await Keys(second));
        (code, output, _) = await Audit_commands.Run("rotate-signature-key", host.Connection);
        Assert.Equal(
            (0, "the service has new signature keys; 5 retired ones are kept, 5 that no group lists are deleted\n"),
            (code, output)
        );
    }

    [Fact]
    public async Task A_host_with_another_key_ring_does_not_start_and_says_why_until_the_keys_are_rotated()
    {
        using TestHost host = new();
        string ring = Directory.CreateTempSubdirectory("mlsconsole-keys-").FullName;
        (int code, string error) = await Starting_the_host.Run(
            "Development",
            ("ConnectionStrings__Default", host.Connection),
            ("DataProtection__KeyRing", ring)
        );
        Assert.Equal(1, code);
        Assert.Contains(
            "MlsConsole cannot start: DataProtection:KeyRing is not the key ring ",
            error,
            StringComparison.Ordinal
        );
        SignatureKeys keys = new(
            host.Services.GetRequiredService<Database>(),
            host.Services.GetRequiredService<AuditLog>(),
            DataProtectionProvider.Create(
                new DirectoryInfo(ring),
                static protection => protection.SetApplicationName("MlsConsole")
            ),
            TimeProvider.System
        );
        await keys.RotateAsync(Actor.CommandLine, "test", CancellationToken.None);
        using TestHost second = new(host, ("DataProtection:KeyRing", ring));
        Directory.Delete(ring, recursive: true);
    }

    [Fact]
    public void The_key_ring_lies_beside_the_database_for_this_user_alone()
    {
        using TestHost host = new();
        string file = new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder(host.Connection).DataSource;
        string ring = Path.Combine(Path.GetDirectoryName(file)!, "keys");
        Assert.NotEmpty(Directory.GetFiles(ring, "key-*.xml"));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(ring)
            );
    }

    private static async Task<string> Keys(TestHost host) =>
        string.Join(
            ' ',
            (
                await host
                    .Services.GetRequiredService<SignatureKeys>()
                    .ExternalSendersAsync("did:web:localhost", CancellationToken.None)
            ).Select(static sender => Convert.ToHexString(sender.SignatureKey))
        );
}
