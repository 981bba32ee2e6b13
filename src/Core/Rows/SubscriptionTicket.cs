using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>A ticket for one event stream that has not been used yet. Only the hash of the ticket is stored.</summary>
internal sealed class SubscriptionTicket
{
    public required byte[] Hash { get; init; }
    public required string Did { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<SubscriptionTicket>
    {
        public void Configure(EntityTypeBuilder<SubscriptionTicket> builder)
        {
            builder.ToTable("subscription_tickets");
            builder.HasKey(ticket => ticket.Hash);
            builder.HasIndex(ticket => ticket.ExpiresAt);
        }
    }
}
