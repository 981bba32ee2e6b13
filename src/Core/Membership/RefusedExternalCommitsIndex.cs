using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Audit;

namespace MlsConsole.Core.Membership;

/// <summary>The index of the audit log by which <see cref="JoinLimits"/> counts refused external commits.</summary>
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
