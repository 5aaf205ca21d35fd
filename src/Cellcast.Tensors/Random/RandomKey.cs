using System.Text;

namespace Cellcast.Tensors.Random;

/// <summary>Names one endless sequence of random bits: a seed and what the numbers are for. The same key gives the same numbers on every machine,
/// with any number of threads; keys that differ in any part give unrelated numbers.</summary>
/// <remarks>The sequence is <see cref="Philox"/> under the key's first half, the counter's upper half being the key's second half. A key is a value: drawing
/// from it changes nothing, so split off a new key for every use: <c>RandomKey.From(seed, "dropout").Split(epoch).Split(step)</c>.</remarks>
public readonly record struct RandomKey
{
    private readonly ulong _key;
    private readonly ulong _stream;

    private RandomKey(ulong key, ulong stream)
    {
        _key = key;
        _stream = stream;
    }

    /// <summary>The key of a seed and a purpose.</summary>
    /// <param name="seed">The run's one seed.</param>
    /// <param name="purpose">What the numbers are for.</param>
    public static RandomKey From(long seed, string purpose) => new RandomKey((ulong)seed, 0x6365_6C6C_6361_7374).Split(purpose);

    /// <summary>The key of one part, step or item of this one's purpose.</summary>
    /// <param name="index">Its number.</param>
    public RandomKey Split(long index) => Absorb((ulong)index, 1);

    /// <summary>The key of a named part of this one's purpose.</summary>
    /// <param name="name">Its name.</param>
    public RandomKey Split(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        var key = Absorb((ulong)bytes.Length, 2);
        for (int i = 0; i < bytes.Length; i += 8)
        {
            ulong word = 0;
            for (int j = i; j < Math.Min(i + 8, bytes.Length); j++) word |= (ulong)bytes[j] << (8 * (j - i));
            key = key.Absorb(word, 3);
        }
        return key;
    }

    /// <summary>Word number <paramref name="index"/> of the sequence: 32 uniform bits.</summary>
    /// <param name="index">Not negative.</param>
    public uint Bits(long index) => Philox.Word(this, (ulong)index);

    internal (uint K0, uint K1, uint C2, uint C3) Words => ((uint)_key, (uint)(_key >> 32), (uint)_stream, (uint)(_stream >> 32));

    // Parts are made under another cipher key than the one that numbers are drawn under, so that they are no words of the whole's sequence.
    private RandomKey Absorb(ulong word, uint kind)
    {
        var (k0, k1, c2, c3) = Words;
        var (a, b, c, d) = Philox.Block((uint)word, (uint)(word >> 32), c2, c3, k0 ^ (0xA511_E9B3 * kind), k1 ^ 0x5851_F42D);
        return new RandomKey(((ulong)b << 32) | a, ((ulong)d << 32) | c);
    }
}
