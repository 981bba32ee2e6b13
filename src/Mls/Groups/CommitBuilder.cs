namespace MlsConsole.Mls;

/// <summary>
/// Makes a commit (RFC 9420 §12.4.1): applies the proposals to the tree, makes the update path, and signs.
/// </summary>
internal sealed class CommitBuilder(
    Client client,
    PublicGroup group,
    IReadOnlyList<ProposalOrReference> proposals,
    IReadOnlyCollection<AuthenticatedContent> known,
    Sender sender,
    PrivateKeys? keys
)
{
    /// <summary>
    /// The provisional GroupContext, under which path secrets are encrypted (RFC 9420 §12.4.1): it has the new epoch
    /// and tree hash, and the confirmed transcript hash of the epoch before.
    /// </summary>
    public static GroupContext Provisional(PublicGroup before, RatchetTree tree, Extensions extensions) =>
        new(
            before.CipherSuite,
            before.GroupId,
            before.Epoch + 1,
            tree.Hash,
            before.Context.ConfirmedTranscriptHash,
            extensions
        );

    /// <summary>Applies the proposals and makes the update path, if the commit has one.</summary>
    /// <exception cref="MlsException">The proposals are not a valid list (RFC 9420 §12.2).</exception>
    public Built Build(bool withPath, ReadOnlyMemory<byte> authenticatedData = default)
    {
        bool external = sender.Type == SenderType.NewMemberCommit;
        // The proposals get the checks that a receiver of the commit makes. They are made on a draft without a path,
        // whose signature is never verified.
        var draft = new AuthenticatedContent(
            WireFormat.PublicMessage,
            Content(null, authenticatedData),
            new(default, default)
        );
        var list = ProposalList.Resolve(group.Suite, draft, known);
        if (external)
            list.VerifyExternalCommit(group);
        else
            list.VerifyMemberCommit(group, new(sender.Index));
        MlsException.Require(withPath || !list.RequiresPath, Rules.CommitPathMissing);
        var extensions = list.ExtensionsAfter(group);
        foreach (var item in proposals)
            if (item.Proposal is AddProposal add)
                add.KeyPackage.RequireCurrent(DateTimeOffset.UtcNow);
        var editor = new TreeEditor(group.Tree);
        var changes = new PublicGroup.Changes(editor, group, extensions, null);
        changes.Apply(list);
        editor.CheckAddedKeys();
        var committer = external ? editor.TakeLeftmostBlankLeaf() : new LeafIndex(sender.Index);
        list.VerifySupported(group.SupportOfRemaining(changes));
        TreeKem.NewPath? path = null;
        var added = changes.Added.Count == 0 ? null : changes.Added.Select(entry => entry.LeafIndex).ToHashSet();
        if (withPath)
            path = TreeKem.NewPath.Create(
                group.Suite,
                editor,
                keys?.For(editor.ToTree()),
                committer,
                (key, parentHash) =>
                    client.CreateLeaf(
                        key.Span,
                        LeafNodeSource.Commit,
                        parentHash: parentHash,
                        place: (group.GroupId, committer)
                    ),
                added,
                tree => Provisional(group, tree, extensions)
            );
        // RFC 9420 §7.3, §13.4: this includes the committer's own leaf, so that a client does not join a group whose
        // required extensions it does not support.
        LeafNodeValidation.VerifyAgainst(extensions, editor.ToTree().Root.Capabilities!);
        return new(
            this,
            list,
            changes,
            committer,
            extensions,
            path,
            editor.ToTree(),
            Content(path?.Path, authenticatedData)
        );
    }

    private FramedContent Content(UpdatePath? path, ReadOnlyMemory<byte> authenticatedData) =>
        FramedContent.Create(
            group.GroupId.Span,
            group.Epoch,
            sender,
            authenticatedData.Span,
            ContentType.Commit,
            new Commit(proposals, path).Write
        );

    /// <summary>A commit that lacks only its signature and tags.</summary>
    public sealed class Built(
        CommitBuilder builder,
        ProposalList list,
        PublicGroup.Changes changes,
        LeafIndex committer,
        Extensions extensions,
        TreeKem.NewPath? path,
        RatchetTree tree,
        FramedContent content
    ) : IDisposable
    {
        private PublicGroup? _after;
        private bool _keysTaken;

        public PublicGroup.Changes Changes => changes;
        public ProposalList List => list;
        public TreeKem.NewPath? Path => path;
        public LeafIndex Committer => committer;

        private FramedContentAuthData Signed(WireFormat format) =>
            new(
                builder.Client.Suite.SignWithLabel(
                    builder.Client.SignatureKey.PrivateKey,
                    "FramedContentTBS",
                    content.ToBeSigned(format, builder.Group.Context).WrittenSpan
                ),
                default
            );

        private (WireFormat Format, FramedContentAuthData Auth, byte[] Confirmed)? _signed;

        /// <summary>Signs the commit and derives the secrets of the epoch that it begins.</summary>
        public EpochSecrets Secrets(
            ReadOnlySpan<byte> init,
            ReadOnlySpan<byte> pskSecret,
            WireFormat format = WireFormat.PublicMessage
        )
        {
            var suite = builder.Group.Suite;
            var auth = Signed(format);
            var confirmed = TranscriptHash.Confirmed(
                suite,
                builder.Group.InterimTranscriptHash.Span,
                new(format, content, auth)
            );
            _signed = (format, auth, confirmed);
            var context = new GroupContext(
                builder.Group.CipherSuite,
                builder.Group.GroupId,
                builder.Group.Epoch + 1,
                tree.Hash,
                confirmed,
                extensions
            );
            return EpochSecrets.Next(suite, init, path?.CommitSecret ?? new byte[suite.HashLength], pskSecret, context);
        }

        /// <summary>
        /// Adds the tags to the commit. Returns it as an MLSMessage, and the public state of the group after it.
        /// </summary>
        public (byte[] Message, PublicGroup After) Finish(EpochSecrets secrets, WireFormat format, Epoch? epoch)
        {
            var suite = builder.Group.Suite;
            var (_, auth, confirmed) = _signed ?? throw new InvalidOperationException("The secrets come first.");
            var tag = secrets.ConfirmationTag(suite, confirmed);
            auth = auth with { ConfirmationTag = tag };
            var context = new GroupContext(
                builder.Group.CipherSuite,
                builder.Group.GroupId,
                builder.Group.Epoch + 1,
                tree.Hash,
                confirmed,
                extensions
            );
            _after = new(
                suite,
                context,
                tree,
                tag,
                TranscriptHash.Interim(suite, confirmed, tag),
                list.Of<ReInitProposal>().Select(item => item.Proposal).FirstOrDefault()
            );
            if (format == WireFormat.PrivateMessage)
                return (
                    MlsMessage
                        .Of(MessageProtection.Encrypt(suite, epoch!.Secrets.SenderData, epoch.Messages, content, auth))
                        .Encode(),
                    _after
                );
            var membership = epoch is null
                ? default(ReadOnlyMemory<byte>?)
                : MessageProtection.MembershipTag(
                    suite,
                    epoch.Secrets.MembershipKey,
                    content,
                    auth,
                    builder.Group.Context
                );
            return (MlsMessage.Of(new PublicMessage(content, auth, membership)).Encode(), _after);
        }

        /// <summary>The committer's private keys in the tree after the commit; the caller disposes them.</summary>
        public PrivateKeys TakeKeys()
        {
            _keysTaken = true;
            return path?.Keys ?? builder.Keys!.For(tree);
        }

        public void Dispose()
        {
            path?.Dispose();
            if (!_keysTaken)
                path?.Keys.Dispose();
        }
    }

    private Client Client => client;
    private PublicGroup Group => group;
    private PrivateKeys? Keys => keys;
}
