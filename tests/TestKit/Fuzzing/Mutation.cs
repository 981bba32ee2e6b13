namespace MlsConsole.TestKit;

/// <summary>
/// Changes bytes at random: it changes bits and bytes, inserts and cuts bytes, and changes what looks like a length in
/// the encoding of MLS.
/// </summary>
public static class Mutation
{
    /// <summary>One to three changes.</summary>
    public static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (int changes = 1 + random.Next(3); changes > 0 && bytes.Count > 0; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 5), bytes.Count - at));
                    break;
                case 3:
                    bytes.InsertRange(
                        at,
                        original
                            .AsSpan(random.Next(original.Length / 2), Math.Min(random.Next(1, 40), original.Length / 2))
                            .ToArray()
                    );
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    bytes[at] = (byte)(random.Next(4) << 6 | bytes[at] & 0x3f);
                    break; // the size bits of a length
                case 6:
                    bytes.InsertRange(at, [0xbf, 0xff, 0xff, 0xff]);
                    break; // the greatest length
                default:
                    bytes[at] = (byte)(bytes[at] + random.Next(-2, 3));
                    break;
            }
        }
        return [.. bytes];
    }
}
