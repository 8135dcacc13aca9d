/** Plain English of our own, whose likelihood tells whether a model still knows the language. */
export const PASSAGES: readonly string[] = [
  'The kettle had begun to sing when the postman knocked. He had a parcel under his arm and rain on his cap, and he asked whether he might wait in the hall until the worst of it was over.',
  'Water expands when it freezes, which is why a full bottle left outside on a cold night will often break. The ice takes up about a tenth more room than the water did.',
  'A good map leaves things out. It does not show each tree or each stone, only what a traveller needs in order to find the road, the river and the next village before dark.',
  'The committee met on Tuesday to discuss the new library. Most members agreed that the building should be close to the school, but there was no agreement about who should pay for it.',
  'To make the soup, cut the onions into small pieces and cook them slowly in butter until they are soft. Add the potatoes and enough water to cover them, and let it simmer for half an hour.',
  'When the first trains came to the valley, people set their clocks by them. Before that, noon had been whenever the sun stood highest over the church, and nobody had minded a few minutes.',
  'Bees tell each other where the flowers are by dancing. The angle of the dance gives the direction, and its length the distance, so that the others can fly straight to the place.',
  'She had promised her brother that she would write every week, and for the first month she did. After that the letters became shorter, and in the end they were only a line on a card.',
  'If you want to learn an instrument, it is better to play for ten minutes each day than for two hours on Sunday. The hands forget quickly, and they need to be reminded often.',
  'The price of bread rose again in the autumn. Farmers said that the harvest had been poor, bakers said that flour was dear, and everyone else said that somebody was getting rich.',
  'At night the harbour looked like a second sky. The lights of the boats moved slowly among the reflections, and now and then a bell rang to tell the men that the tide was turning.',
  'The law says that a contract needs two things: an offer, and somebody who accepts it. It need not be written down, although a written one is much easier to prove.',
];

/** Beginnings to go on with: does the model still write sentences? */
export const OPENINGS: readonly string[] = [
  'The old lighthouse stood at the end of the village, and every evening',
  'There are three reasons why people like to live near the sea. The first is',
  'When winter came, the farmer and his daughter',
  'The history of the city began when',
  'A bicycle has many parts. The most important one is',
  'My grandmother used to tell me a story about',
  'The doctor looked at the results and said that',
  'In a small town in the mountains there was a shop that',
  'The best way to learn a new language is to',
  'Last summer we travelled by train, and',
  'The teacher explained that the moon',
  'Nobody knew why the bridge had been built, but',
];
