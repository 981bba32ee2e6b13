using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Audit;

namespace MlsConsole.Core.Membership;

/// <summary>
/// The index on the audit log with which the refused external commits of an account are counted
/// (<see cref="JoinLimits"/>).
/// </summary>
internal sealed class RefusedExternalCommitsIndex : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> builder) =>
        builder
            .HasIndex(entry => new
            {
                entry.Actor,
                entry.Subject,
                entry.At,
            })
            .HasFilter(JoinLimits.RefusedFilter)
            .HasDatabaseName("ix_audit_of_refused_external_commits");
}
