using Cellcast.Tensors.Random;

namespace Cellcast.Tensors;

/// <summary>How much is dropped and which random numbers decide: the choice at a place depends on the key and the place only, so that two ways of
/// computing the same network drop the same numbers.</summary>
/// <param name="Probability">Of a number to be set to 0; the others are divided by 1 - probability. 0 where nothing is dropped.</param>
/// <param name="Key">Names the random numbers.</param>
public readonly record struct DropoutNoise(float Probability, RandomKey Key)
{
    /// <summary>Nothing is dropped.</summary>
    public static DropoutNoise None => default;

    /// <summary>Whether anything is dropped.</summary>
    public bool IsActive => Probability > 0;

    /// <summary>What those that stay are multiplied by.</summary>
    internal float Scale => 1 / (1 - Probability);

    /// <summary>Random words below this drop.</summary>
    internal uint Threshold => (uint)Math.Min(uint.MaxValue, Probability * 4294967296.0);

    /// <summary>The same share, decided by a part of the key's numbers.</summary>
    /// <param name="part">Name of the part.</param>
    public DropoutNoise For(string part) => IsActive ? new(Probability, Key.Split(part)) : None;

    /// <summary>The same share, decided by a part of the key's numbers.</summary>
    /// <param name="index">Number of the part.</param>
    public DropoutNoise For(long index) => IsActive ? new(Probability, Key.Split(index)) : None;
}
