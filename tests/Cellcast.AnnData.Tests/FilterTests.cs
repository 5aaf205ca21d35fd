using Cellcast.AnnData.Hdf5;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.AnnData.Tests;

public class FilterTests
{
    [Fact]
    public void Shuffling_puts_bytes_of_one_rank_together_and_back() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), Gen.Elements(1, 2, 3, 4, 8, 16).ToArbitrary(), (bytes, size) =>
    {
        // Long enough for the vector path too.
        byte[] source = [.. bytes, .. bytes, .. bytes, .. bytes, .. bytes];
        byte[] shuffled = new byte[source.Length], back = new byte[source.Length];
        Shuffle.Forward(source, shuffled, size);
        int n = source.Length / size;
        for (int i = 0; i < n; i++)
            for (int b = 0; b < size; b++) Assert.Equal(source[i * size + b], shuffled[b * n + i]);
        Shuffle.Inverse(shuffled, back, size);
        Assert.Equal(source, back);
    }).CheckOnRandomCases();

    [Fact]
    public void Lzf_streams_unpack_and_damaged_ones_are_refused()
    {
        byte[] target = new byte[16];
        // three literals, then 9 bytes from 3 back: the run overlaps itself
        Assert.Equal(12, LzfFilter.Decompress([2, 1, 2, 3, 0xE0, 0, 2], target));
        Assert.Equal([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], target[..12]);
        Assert.Equal(LzfFilter.TooSmall, LzfFilter.Decompress([2, 1, 2, 3, 0xE0, 100, 2], target));
        Assert.Equal(LzfFilter.Damaged, LzfFilter.Decompress([5, 1, 2], target));
        Assert.Equal(LzfFilter.Damaged, LzfFilter.Decompress([0, 1, 0x20, 9], target));
        Assert.Equal(LzfFilter.Damaged, LzfFilter.Decompress([0, 1, 0xE0], target));
    }
}
