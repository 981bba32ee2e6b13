using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.ConsoleUsers;

/// <summary>The tables of ASP.NET Core Identity, under names of this database.</summary>
internal sealed class ConsoleUserTables
    : IEntityTypeConfiguration<ConsoleUser>,
        IEntityTypeConfiguration<IdentityUserClaim<string>>,
        IEntityTypeConfiguration<IdentityUserLogin<string>>,
        IEntityTypeConfiguration<IdentityUserToken<string>>,
        IEntityTypeConfiguration<IdentityUserPasskey<string>>
{
    public void Configure(EntityTypeBuilder<ConsoleUser> builder)
    {
        builder.ToTable("console_users");
        builder.Property(user => user.UserName).HasMaxLength(ConsoleUser.MaxNameLength);
        builder.Property(user => user.Role).HasConversion<string>();
        builder.HasIndex(user => user.NormalizedUserName).HasDatabaseName("ix_console_users_name").IsUnique();
        builder.HasIndex(user => user.NormalizedEmail).HasDatabaseName("ix_console_users_email");
    }

    public void Configure(EntityTypeBuilder<IdentityUserClaim<string>> builder) =>
        builder.ToTable("console_user_claims");

    public void Configure(EntityTypeBuilder<IdentityUserLogin<string>> builder) =>
        builder.ToTable("console_user_logins");

    public void Configure(EntityTypeBuilder<IdentityUserToken<string>> builder) =>
        builder.ToTable("console_user_tokens");

    public void Configure(EntityTypeBuilder<IdentityUserPasskey<string>> builder) =>
        builder.ToTable("console_user_passkeys");
}
