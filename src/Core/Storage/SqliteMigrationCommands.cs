using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations;

namespace MlsConsole.Core.Storage;

/// <summary>
/// A migration is one transaction, so that a kill leaves all of it or nothing. Where a table is built anew, EF Core
/// ends the transaction in the middle, to switch foreign keys off and on; <see cref="StorageStartup"/> has them off all
/// the time.
/// </summary>
internal sealed class SqliteMigrationCommands(
    MigrationsSqlGeneratorDependencies dependencies,
    IRelationalAnnotationProvider annotations
) : SqliteMigrationsSqlGenerator(dependencies, annotations)
{
    public override IReadOnlyList<MigrationCommand> Generate(
        IReadOnlyList<MigrationOperation> operations,
        IModel? model = null,
        MigrationsSqlGenerationOptions options = MigrationsSqlGenerationOptions.Default
    ) => [.. base.Generate(operations, model, options).Where(command => !IsSwitch(command))];

    private static bool IsSwitch(MigrationCommand command)
    {
        if (!command.TransactionSuppressed)
            return false;
        if (command.CommandText.StartsWith("PRAGMA foreign_keys", StringComparison.Ordinal))
            return true;
        throw new NotSupportedException($"A migration is one transaction: {command.CommandText}");
    }
}
